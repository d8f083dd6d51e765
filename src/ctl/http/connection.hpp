#pragma once

#include "sandbox/base/duration.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/basic_stream.hpp>

namespace sandbox::ctl {

/// A connection to an API, plain or with TLS: a stream for Asio and Beast with a deadline for all that is
/// done with it.
class Connection {
  public:
    using Wire = boost::beast::basic_stream<boost::asio::generic::stream_protocol>;
    using executor_type = Wire::executor_type;

    explicit Connection(const boost::asio::any_io_executor& executor) : wire_(executor) {}

    executor_type get_executor() { return wire_.get_executor(); }
    void expires_after(Duration timeout) { wire_.expires_after(timeout); }
    void expires_never() { wire_.expires_never(); }

    /// Connects to the first of these that takes the connection.
    template <typename Token>
    auto async_connect(const std::vector<boost::asio::generic::stream_protocol::endpoint>& endpoints,
                       Token&& token) {
        return wire_.async_connect(endpoints, std::forward<Token>(token));
    }

    /// From here on it speaks TLS, with whoever shows a certificate of that name that an authority of the
    /// file has signed; empty: of the system. Throws Error denied where that one shows none, with the cure.
    boost::asio::awaitable<void> secure(std::string name, std::string ca_file);

    template <typename Buffers, typename Token>
    auto async_read_some(const Buffers& buffers, Token&& token) {
        if (tls_)
            return tls_->async_read_some(buffers, std::forward<Token>(token));
        return wire_.async_read_some(buffers, std::forward<Token>(token));
    }
    template <typename Buffers, typename Token>
    auto async_write_some(const Buffers& buffers, Token&& token) {
        if (tls_)
            return tls_->async_write_some(buffers, std::forward<Token>(token));
        return wire_.async_write_some(buffers, std::forward<Token>(token));
    }

  private:
    Wire wire_;
    std::optional<boost::asio::ssl::context> context_;
    std::optional<boost::asio::ssl::stream<Wire&>> tls_;
};

} // namespace sandbox::ctl
