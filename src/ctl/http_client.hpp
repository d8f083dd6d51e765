#pragma once

#include "sandbox/base/duration.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace sandbox::ctl {

/// Where the API listens.
struct Host {
    std::string socket_path; ///< of a unix socket; empty: TCP
    std::string name;        ///< of a TCP host
    std::uint16_t port = 0;

    bool operator==(const Host&) const = default;
};

/// Reads `unix:///path` or `http://NAME[:PORT]` (8600 unless given). Throws Error invalid_argument.
Host parse_host(std::string_view text);
std::string to_text(const Host& host);

struct HttpRequest {
    std::string method = "GET";
    std::string target; ///< origin form
    std::string token;  ///< bearer token, or empty
    std::string body;   ///< JSON; sent where it is not empty
};

struct HttpReply {
    unsigned status = 0;
    std::string content_type;
    std::string body;
};

/// One request on a connection of its own. Throws Error: unavailable when nobody answers there, denied when
/// the socket may not be opened, timed_out at the deadline (the outcome is then unknown).
HttpReply exchange(const Host& host, const HttpRequest& request, Duration timeout);

} // namespace sandbox::ctl
