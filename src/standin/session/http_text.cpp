#include "standin/session/http_text.hpp"

#include "standin/base/text.hpp"

#include <array>
#include <cstdio>

namespace standin::http {
namespace {

struct Status {
    int code;
    std::string_view reason;
    std::string_view explanation;
};

constexpr std::array kStatuses{
    Status{200, "OK", "Request fulfilled, document follows"},
    Status{400, "Bad Request", "Bad request syntax or unsupported method"},
    Status{403, "Forbidden", "Request forbidden -- authorization will not help"},
    Status{404, "Not Found", "Nothing matches the given URI"},
    Status{405, "Method Not Allowed", "Specified method is invalid for this resource"},
    Status{414, "Request-URI Too Long", "URI is too long"},
    Status{431, "Request Header Fields Too Large",
           "The server is unwilling to process the request because its header fields are too large"},
    Status{501, "Not Implemented", "Server does not support this operation"},
    Status{505, "HTTP Version Not Supported", "Cannot fulfill request"},
};

const Status& status_of(int code) {
    for (const Status& status : kStatuses)
        if (status.code == code)
            return status;
    return kStatuses.front();
}

std::string escape_html(std::string_view text) {
    std::string result;
    for (const char c : text)
        result += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
    return result;
}

int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

} // namespace

std::string_view reason_of(int status) {
    return status_of(status).reason;
}

std::string date(std::time_t time) {
    // strftime's names depend on the locale, the header's do not.
    constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    std::array<char, 64> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                  kDays[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                  kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900, parts.tm_hour,
                  parts.tm_min, parts.tm_sec);
    return buffer.data();
}

std::string head(int status, std::string_view reason) {
    return "HTTP/1.0 " + std::to_string(status) + " " + std::string(reason) +
           "\r\nServer: BaseHTTP/0.6 Python/3.11.2\r\nDate: " + date(std::time(nullptr)) + "\r\n";
}

std::string error_answer(const ErrorPage& page) {
    const Status& status = status_of(page.status);
    const std::string message = page.message.empty() ? std::string(status.reason) : page.message;
    const std::string code = std::to_string(page.status);
    const std::string body = "<!DOCTYPE HTML>\n"
                             "<html lang=\"en\">\n"
                             "    <head>\n"
                             "        <meta charset=\"utf-8\">\n"
                             "        <title>Error response</title>\n"
                             "    </head>\n"
                             "    <body>\n"
                             "        <h1>Error response</h1>\n"
                             "        <p>Error code: " +
                             code + "</p>\n        <p>Message: " + escape_html(message) +
                             ".</p>\n        <p>Error code explanation: " + code + " - " +
                             std::string(status.explanation) + ".</p>\n    </body>\n</html>\n";
    std::string answer;
    if (page.with_head)
        answer = head(page.status, message) +
                 "Connection: close\r\nContent-Type: text/html;charset=utf-8\r\nContent-Length: " +
                 std::to_string(body.size()) + "\r\n\r\n";
    return page.with_body ? answer + body : answer;
}

std::string percent_decode(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
            hex_value(text[i + 2]) >= 0) {
            result += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
            i += 2;
        } else {
            result += text[i] == '+' ? ' ' : text[i];
        }
    }
    return result;
}

Arguments parse_query(std::string_view query) {
    Arguments arguments;
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), pair.size() + 1));
        const std::size_t equals = pair.find('=');
        if (equals != std::string_view::npos && equals + 1 < pair.size())
            arguments[percent_decode(pair.substr(0, equals))].push_back(
                percent_decode(pair.substr(equals + 1)));
    }
    return arguments;
}

std::string parameter(std::string_view value, std::string_view name) {
    for (std::size_t start = value.find(';'); start != std::string_view::npos;) {
        const std::size_t next = value.find(';', start + 1);
        const std::string_view part = trim(value.substr(start + 1, next - start - 1));
        const std::size_t equals = part.find('=');
        if (equals != std::string_view::npos && lower(trim(part.substr(0, equals))) == name) {
            std::string_view text = trim(part.substr(equals + 1));
            if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
                text = text.substr(1, text.size() - 2);
            return std::string(text);
        }
        start = next;
    }
    return {};
}

void parse_multipart(std::string_view body, std::string_view boundary, Arguments& arguments) {
    const std::string mark = "--" + std::string(boundary);
    std::size_t position = body.find(mark);
    while (position != std::string_view::npos) {
        const std::size_t start = position + mark.size();
        if (body.substr(start).starts_with("--"))
            return;
        const std::size_t end = body.find(mark, start);
        const std::string_view part = body.substr(start, end == std::string_view::npos ? end : end - start);
        const std::size_t blank = part.find("\r\n\r\n");
        if (blank != std::string_view::npos) {
            std::string_view content = part.substr(blank + 4);
            if (content.ends_with("\r\n"))
                content.remove_suffix(2);
            const std::string header(part.substr(0, blank));
            const std::string name = parameter(header, "name");
            if (lower(header).find("content-disposition:") != std::string::npos)
                arguments[name.substr(0, name.find('\r'))].emplace_back(content);
        }
        position = end;
    }
}

} // namespace standin::http
