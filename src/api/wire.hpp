#pragma once

#include "sandbox/api/client.hpp"

#include <memory>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/basic_stream.hpp>

namespace sandbox::api {

/// A socket with deadlines, and TLS above one.
using Wire = boost::beast::basic_stream<boost::asio::generic::stream_protocol>;
using TlsStream = boost::asio::ssl::stream<Wire>;

/// What is below a stream.
inline Wire& wire_of(Wire& stream) {
    return stream;
}
inline Wire& wire_of(TlsStream& stream) {
    return stream.next_layer();
}

/// Closes this side, and takes what still comes, for a moment: closing with unread bytes would reset the
/// connection, and the caller might never see the answer.
boost::asio::awaitable<void> take_leave(Wire& wire);

/// The other end has closed its side. Not seen by reading: what is unread there, as TLS's own words of
/// farewell, would hide it.
bool is_gone(Wire& wire);

/// Waits for the other end to close its side of a socket, and for nothing else (epoll(7), EPOLLRDHUP).
class HangUp {
  public:
    /// Throws Error io.
    explicit HangUp(Wire& wire);

    /// Tells the client's end, unless it is answered before.
    static boost::asio::awaitable<void> watch(std::shared_ptr<HangUp> self, std::shared_ptr<Client> client);
    void cancel() { epoll_.cancel(); }

  private:
    boost::asio::posix::stream_descriptor epoll_; ///< readable once it happened
};

} // namespace sandbox::api
