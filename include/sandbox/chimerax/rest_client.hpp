#pragma once

#include "sandbox/base/bytes.hpp"
#include "sandbox/base/duration.hpp"

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace sandbox::chimerax {

/// The REST port inside every sandbox: each has a network namespace of its own.
inline constexpr std::uint16_t kRestPort = 50000;

struct RestRequest {
    std::string method = "GET"; ///< GET or POST
    std::string target;         ///< origin form: /run?command=version
    std::string content_type;   ///< of the body, POST only
    std::string body;
};

struct RestReply {
    unsigned status = 0;
    std::string content_type;
    std::string body;
};

struct RestLimits {
    Duration timeout{}; ///< for all of it, from the connect to the last byte
    Bytes max_body = 64_MiB;
};

/// One request to a ChimeraX's REST server: connects, sends at once (an idle connection blocks the server),
/// reads to the end (to Content-Length where the reply has one: after `remotecontrol rest stop` the server
/// never closes), closes. HTTP/1.0, so neither side may use chunks. The engine is hostile: everything it
/// sends is bounded, the header by 64 KiB. Errors: invalid_argument for a request that cannot be put on the
/// wire; timed_out; engine for an empty, cut, overlong or malformed answer (what() says which); unavailable
/// when nothing listens. All that come after the connect say that the state may have changed.
boost::asio::awaitable<RestReply> request(boost::asio::ip::tcp::endpoint engine, RestRequest request,
                                          RestLimits limits);

} // namespace sandbox::chimerax
