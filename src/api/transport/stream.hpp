#pragma once

#include "api/transport/client.hpp"

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

/// The other end has closed its socket; over TCP one that only closes its sending side looks the same. Not
/// seen by reading: what is unread there, as TLS's own words of farewell, would hide it.
bool is_gone(Wire& wire);

/// Waits for the other end to close its socket, and for nothing else (epoll(7)). One that closes its sending
/// side alone still waits for its answer (RFC 9112, 9.6). Of a unix socket the kernel tells the two apart.
/// Over TCP they look the same until something is sent, which a closed one answers with a reset: so an
/// interim response goes out, where the client takes one (RFC 9110, 15.2).
class HangUp {
  public:
    /// `interim`: the client speaks HTTP/1.1, and nothing is above the socket. Throws Error io.
    HangUp(Wire& wire, bool interim);

    /// Tells the client's end, unless it is answered before.
    static boost::asio::awaitable<void> watch(std::shared_ptr<HangUp> self, std::shared_ptr<Client> client);
    void cancel() { epoll_.cancel(); }

  private:
    /// After the first sign of an end: false where it may be the sending side alone, which is waited on.
    bool is_certain();

    const int socket_;
    const bool interim_;
    boost::asio::posix::stream_descriptor epoll_; ///< readable once it happened
};

} // namespace sandbox::api
