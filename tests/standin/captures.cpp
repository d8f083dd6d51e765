#include "captures.hpp"

#include "sandbox/base/file.hpp"

#include <cstdlib>
#include <stdexcept>

std::vector<Capture> read_captures(const std::string& name) {
    constexpr std::string_view kMark = "=== ";
    const char* folder = std::getenv("CAPTURES");
    if (folder == nullptr)
        throw std::runtime_error("set CAPTURES to the folder of the captures");
    const std::string text = sandbox::read_file(std::string(folder) + "/" + name);
    std::vector<Capture> captures;
    for (std::size_t start = 0; text.compare(start, kMark.size(), kMark) == 0;) {
        const std::size_t title = start + kMark.size();
        const std::size_t body = text.find('\n', title) + 1;
        // A mark in the middle of a line is part of a reply.
        const std::size_t next = text.find("\n=== ", body - 1);
        const std::size_t end = next == std::string::npos ? text.size() - 1 : next;
        captures.push_back(
            {text.substr(title, body - 1 - title), end > body ? text.substr(body, end - body) : ""});
        if (next == std::string::npos)
            break;
        start = next + 1;
    }
    if (captures.empty())
        throw std::runtime_error("no captures in " + name);
    return captures;
}

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
        text.replace(at, from.size(), to);
    return text;
}

namespace {

// A line that starts and ends so keeps its start only.
std::string mask_header_line(std::string header, std::string_view start, std::string_view end) {
    const std::size_t at = header.find("\r\n" + std::string(start));
    const std::size_t line_end = header.find("\r\n", at + 2);
    if (at == std::string::npos || !std::string_view(header).substr(0, line_end).ends_with(std::string(end)))
        return header;
    const std::size_t from = at + 2 + start.size();
    return header.replace(from, line_end - from, "<any>");
}

// The two notes of `version`: the version, and whose it is. `between` and `end` are what stands after each.
std::string mask_version(std::string body, std::string_view between, std::string_view end) {
    constexpr std::string_view kStart = "UCSF ChimeraX version: ";
    for (std::size_t at = 0; (at = body.find(kStart, at)) != std::string::npos; at += kStart.size()) {
        const std::size_t first_end = body.find(between, at);
        if (first_end == std::string::npos)
            return body;
        const std::size_t second = first_end + between.size();
        const std::size_t second_end = body.find(end, second);
        const std::string_view owner = std::string_view(body).substr(second);
        if (second_end != std::string::npos && (owner.starts_with("\\u00a9") || owner.starts_with("\u00a9") ||
                                                owner.starts_with("chimerax-standin: ")))
            body.replace(at + kStart.size(), second_end - at - kStart.size(), "<any>");
    }
    return body;
}

} // namespace

std::string mask(std::string reply, const std::string& folder, std::uint16_t port, bool has_body) {
    const std::size_t header_end = reply.find("\r\n\r\n");
    if (header_end == std::string::npos)
        return reply;
    std::string header = reply.substr(0, header_end + 4);
    std::string body = reply.substr(header_end + 4);
    if (has_body)
        header = replace_all(header, "Content-Length: " + std::to_string(body.size()) + "\r\n",
                             "Content-Length: <right>\r\n");
    header = mask_header_line(header, "Date: ", " GMT");
    header = mask_header_line(header, "Server: BaseHTTP/0.6 Python/3.", "");
    body = mask_version(body, "\\n\", \"", "\\n\"");
    body = mask_version(body, "\n", "\n");
    body = replace_all(body, folder, "<folder>");
    body = replace_all(body, "port " + std::to_string(port), "port <port>");
    return header + body;
}

std::string mask_capture(const std::string& reply, bool has_body) {
    constexpr std::uint16_t kPortThen = 20900;
    return mask(reply, "/srv/tenant", kPortThen, has_body);
}

std::string difference(const std::string& seen, const std::string& expected) {
    if (seen == expected)
        return {};
    std::size_t at = 0;
    while (at < seen.size() && at < expected.size() && seen[at] == expected[at])
        ++at;
    constexpr std::size_t kAround = 120;
    const std::size_t start = at > kAround ? at - kAround : 0;
    return "at byte " + std::to_string(at) + "\nseen:     " + seen.substr(start, 2 * kAround) +
           "\nexpected: " + expected.substr(start, 2 * kAround);
}
