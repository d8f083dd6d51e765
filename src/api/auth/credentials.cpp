// The texts of auth.hpp: what stands in Authorization, Host and Origin.
#include "api/auth/auth.hpp"
#include "sandbox/base/error.hpp"

#include <algorithm>
#include <array>

#include <openssl/evp.h>

namespace sandbox::api {
namespace {

std::string lower(std::string_view text) {
    std::string low(text);
    std::ranges::transform(low, low.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return low;
}

/// What follows `scheme` and its spaces; schemes are case-insensitive (RFC 9110, 11.1).
std::optional<std::string_view> after_scheme(std::string_view authorization, std::string_view scheme) {
    if (authorization.size() <= scheme.size() || authorization[scheme.size()] != ' ' ||
        lower(authorization.substr(0, scheme.size())) != scheme)
        return std::nullopt;
    const std::size_t start = authorization.find_first_not_of(' ', scheme.size());
    if (start == std::string_view::npos)
        return std::nullopt;
    return authorization.substr(start);
}

std::optional<std::string> base64_decode(std::string_view text) {
    if (text.empty() || text.size() % 4 != 0 || text.size() > 4096)
        return std::nullopt;
    std::string plain(text.size() / 4 * 3, '\0');
    const int length =
        ::EVP_DecodeBlock(reinterpret_cast<unsigned char*>(plain.data()),
                          reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    if (length < 0)
        return std::nullopt;
    const auto padding = static_cast<std::size_t>(std::count(text.end() - 2, text.end(), '='));
    plain.resize(static_cast<std::size_t>(length) - padding);
    return plain;
}

bool is_port(std::string_view text) {
    return !text.empty() && text.size() <= 5 &&
           text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// That name, in lower case, with or without a port.
bool is_host(std::string_view host, std::string_view name) {
    const std::string low = lower(host);
    if (!low.starts_with(name))
        return false;
    const std::string_view rest = std::string_view(low).substr(name.size());
    return rest.empty() || (rest[0] == ':' && is_port(rest.substr(1)));
}

} // namespace

std::optional<std::string> bearer_token(std::string_view authorization) {
    const auto token = after_scheme(authorization, "bearer");
    if (!token || token->find(' ') != std::string_view::npos)
        return std::nullopt;
    return std::string(*token);
}

std::optional<std::string> basic_password(std::string_view authorization) {
    const auto encoded = after_scheme(authorization, "basic");
    const auto plain = encoded ? base64_decode(*encoded) : std::nullopt;
    const std::size_t colon = plain ? plain->find(':') : std::string::npos;
    if (colon == std::string::npos)
        return std::nullopt;
    return plain->substr(colon + 1);
}

bool is_loopback_host(std::string_view host) {
    static constexpr std::array<std::string_view, 3> kNames{"localhost", "127.0.0.1", "[::1]"};
    return std::ranges::any_of(kNames, [&](std::string_view name) { return is_host(host, name); });
}

void check_host_and_origin(const Request& request, const Peer& peer, const std::vector<std::string>& names) {
    const auto is_known = [&](std::string_view host) {
        return is_loopback_host(host) ||
               std::ranges::any_of(names, [&](const std::string& name) { return is_host(host, name); });
    };
    const auto host = request.header("host");
    const bool absent = !host || host->empty();
    if (absent ? !peer.local : !is_known(*host)) {
        throw Error(
            Errc::invalid_argument, "the Host header names neither loopback nor a name of this site",
            "Call the API as localhost, 127.0.0.1 or [::1], or as one of host_names in sandboxd.toml.",
            "Host");
    }
    const auto origin = request.header("origin");
    if (!origin)
        return;
    const std::string low = lower(*origin);
    for (const std::string_view scheme : {"http://", "https://"})
        if (low.starts_with(scheme) && is_known(std::string_view(low).substr(scheme.size())))
            return;
    throw Error(Errc::denied, "requests of web pages of other origins are refused",
                "Call the API from a server, not from a page of another site.", "Origin");
}

} // namespace sandbox::api
