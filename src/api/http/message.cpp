#include "api/http/message.hpp"

#include "sandbox/base/error.hpp"

#include <algorithm>
#include <cctype>

namespace sandbox::api {
namespace {

std::optional<std::string> first(const Fields& fields, std::string_view name) {
    for (const auto& [key, value] : fields)
        if (key == name)
            return value;
    return std::nullopt;
}

unsigned hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f')
        return static_cast<unsigned>(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return static_cast<unsigned>(c - 'A') + 10;
    throw Error(Errc::invalid_argument, "the URL has a % that no two hexadecimal digits follow",
                "Encode a percent sign as %25.", "url");
}

bool is_outside_of_urls(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte >= 0x7f;
}

} // namespace

std::optional<std::string> Request::header(std::string_view name) const {
    return first(headers, name);
}

std::optional<std::string> Request::parameter(std::string_view name) const {
    return first(query, name);
}

std::string_view Request::raw_query() const {
    const std::size_t mark = target.find('?');
    return mark == std::string::npos ? std::string_view{} : std::string_view(target).substr(mark);
}

std::string percent_decode(std::string_view text, bool plus_is_space) {
    std::string plain;
    plain.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            const char high = i + 1 < text.size() ? text[i + 1] : '\0';
            const char low = i + 2 < text.size() ? text[i + 2] : '\0';
            plain += static_cast<char>(hex_digit(high) * 16 + hex_digit(low));
            i += 2;
        } else {
            plain += plus_is_space && text[i] == '+' ? ' ' : text[i];
        }
    }
    return plain;
}

namespace {

/// `http://host/path`, as a proxy is asked, to `/path` (RFC 9112, 3.2.2): its host counts, and not the
/// header's.
std::string origin_form(Request& request, std::string_view target) {
    const std::size_t scheme = target.find("://");
    if (target.starts_with('/') || scheme == std::string_view::npos)
        return std::string(target);
    std::string name(target.substr(0, scheme));
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    const std::string_view rest = target.substr(scheme + 3);
    const std::string_view host = rest.substr(0, rest.find_first_of("/?#"));
    if ((name != "http" && name != "https") || host.empty() || host.find('@') != std::string_view::npos)
        return {};
    std::erase_if(request.headers, [](const auto& header) { return header.first == "host"; });
    request.headers.emplace_back("host", host);
    const std::string_view path = rest.substr(host.size());
    return path.starts_with('/') ? std::string(path) : "/" + std::string(path);
}

} // namespace

void parse_target(Request& request, std::string_view as_sent) {
    const std::string target = origin_form(request, as_sent);
    if (target.empty() || target[0] != '/' || std::ranges::any_of(target, is_outside_of_urls)) {
        throw Error(Errc::invalid_argument, "the request's target is not a path",
                    "Send a percent-encoded target that starts with a slash.", "url");
    }
    request.target = target;
    const std::size_t mark = target.find('?');
    request.path = target.substr(0, mark);
    request.query.clear();
    std::string_view rest =
        mark == std::string::npos ? std::string_view{} : std::string_view(target).substr(mark + 1);
    while (!rest.empty()) {
        const std::size_t end = rest.find('&');
        const std::string_view part = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
        if (part.empty())
            continue;
        const std::size_t equals = part.find('=');
        const std::string_view value =
            equals == std::string_view::npos ? std::string_view{} : part.substr(equals + 1);
        request.query.emplace_back(percent_decode(part.substr(0, equals), true), percent_decode(value, true));
    }
}

void check_parameters(const Request& request, const std::vector<std::string_view>& known) {
    std::vector<std::string_view> seen;
    for (const auto& [name, value] : request.query) {
        if (std::ranges::find(known, name) == known.end()) {
            throw Error(Errc::invalid_argument, "this route takes no such parameter",
                        "Leave it out, or see the API's reference.", name);
        }
        if (std::ranges::find(seen, name) != seen.end())
            throw Error(Errc::invalid_argument, "the parameter is given twice", "Give it once.", name);
        seen.push_back(name);
    }
}

} // namespace sandbox::api
