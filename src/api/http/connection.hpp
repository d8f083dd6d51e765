#pragma once

#include "api/http/message.hpp"
#include "api/transport/pace.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

namespace boost::asio::ssl {
class context;
} // namespace boost::asio::ssl

namespace sandbox::api {

/// What is decided from the request line and the headers, before the body is read.
struct Admitted {
    std::uint64_t max_body = kMaxJsonBody;
    std::function<boost::asio::awaitable<Response>(Request request)> answer;
    std::optional<Response> refusal = std::nullopt; ///< instead of `answer`: the body is not read
    bool streams_body = false;                      ///< `answer` reads it, by Request::body_stream
    std::shared_ptr<void> in_flight = nullptr;      ///< let go when the answer has been sent
};

/// Throws Error to refuse the request; it also may return an `answer` that does.
using Admit = std::function<Admitted(const Request& head)>;

/// Speaks HTTP/1.1 on a connection to its end: one request after another, answers in order. Bounds the
/// target, the headers, the body and each step's time, the TLS handshake's too, where there is `tls`;
/// whatever is malformed is answered 400 and ends it. Throws nothing.
boost::asio::awaitable<void> converse(boost::asio::generic::stream_protocol::socket socket, Admit admit,
                                      std::shared_ptr<boost::asio::ssl::context> tls = nullptr,
                                      Patience patience = {});

} // namespace sandbox::api
