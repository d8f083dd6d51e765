#pragma once

#include "sandbox/base/duration.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sandbox::ctl {

/// Where the API listens.
struct Host {
    std::string socket_path; ///< of a unix socket; empty: TCP
    std::string name;        ///< of a TCP host, or its address, without brackets
    std::uint16_t port = 0;
    bool tls = false;
    std::string ca_file =
        {}; ///< with `tls`: who may have signed the server's certificate; empty: the system's

    bool operator==(const Host&) const = default;
};

/// Reads `unix:///path`, `http://NAME[:PORT]` or `https://NAME[:PORT]` (8600 unless given); NAME may be an
/// address, one of IPv6 in brackets. Throws Error invalid_argument.
Host parse_host(std::string_view text);
std::string to_text(const Host& host);

/// A request's body that is read from a file as it is sent.
struct FileUpload {
    int fd = -1;
    std::optional<std::uint64_t> size{}; ///< of a regular file; none: up to its end, as of a pipe, in chunks
    std::function<void(std::uint64_t sent)> on_sent{}; ///< after each piece
};

struct HttpRequest {
    std::string method = "GET";
    std::string target; ///< origin form
    std::string token;  ///< bearer token, or empty
    std::string body;   ///< JSON; sent where it is not empty
    std::vector<std::pair<std::string, std::string>> headers{};
    std::optional<FileUpload> upload{}; ///< in the place of `body`
    /// Called once the head of a 2xx answer is there.
    std::function<void()> on_head{};
    /// Gets the body of a 2xx answer as it comes; the reply's own is empty then. What it throws goes through.
    std::function<void(std::string_view piece)> on_piece{};
    /// The most time from one piece of either body to the next; none: no limit.
    std::optional<Duration> quiet{};
    /// A descriptor that becomes readable to break the exchange off; -1: none.
    int until = -1;
};

struct HttpReply {
    unsigned status = 0;
    std::string content_type;
    std::string body;
};

/// One request on a connection of its own. `timeout` is for the whole of it, or up to the answer's head where
/// its body is streamed. Throws Error: unavailable when nobody answers there, or `until` broke it off, denied
/// when the socket may not be opened or the server's certificate is not to be trusted, timed_out at the
/// deadline (the outcome is then unknown).
HttpReply exchange(const Host& host, const HttpRequest& request, Duration timeout);

} // namespace sandbox::ctl
