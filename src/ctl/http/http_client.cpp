#include "ctl/http/http_client.hpp"

#include "ctl/host/host_units.hpp"
#include "ctl/http/connection.hpp"
#include "sandbox/base/error.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <exception>
#include <optional>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address_v6.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <poll.h>
#include <unistd.h>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace sandbox::ctl {
namespace {

using Protocol = asio::generic::stream_protocol;

constexpr std::uint16_t kDefaultPort = 8600;
constexpr std::uint64_t kMaxReply = 256 << 20;
constexpr std::size_t kPiece = 64 << 10;

Error not_a_host(std::string_view text) {
    return {Errc::invalid_argument, "not the address of an API: " + std::string(text),
            "Use unix:///run/chimerax-sandbox/api.sock, http://127.0.0.1:8600, http://[::1]:8600 or "
            "https://NAME:8600.",
            "host"};
}

std::uint16_t parse_port(std::string_view digits, std::string_view whole) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc() || end != digits.data() + digits.size() || port == 0)
        throw not_a_host(whole);
    return port;
}

/// All that a name leads to, in the resolver's order: a server may listen on some of them alone.
asio::awaitable<std::vector<Protocol::endpoint>> find_endpoints(Host host) {
    std::vector<Protocol::endpoint> endpoints;
    if (!host.socket_path.empty()) {
        endpoints.emplace_back(asio::local::stream_protocol::endpoint(host.socket_path));
        co_return endpoints;
    }
    asio::ip::tcp::resolver resolver(co_await asio::this_coro::executor);
    const auto found =
        co_await resolver.async_resolve(host.name, std::to_string(host.port), asio::use_awaitable);
    for (const auto& entry : found)
        endpoints.emplace_back(entry.endpoint());
    co_return endpoints;
}

/// The name and the port as in a URL (RFC 3986, 3.2.2).
std::string authority_of(const Host& host) {
    const bool is_ipv6 = host.name.find(':') != std::string::npos;
    return (is_ipv6 ? "[" + host.name + "]" : host.name) + ":" + std::to_string(host.port);
}

http::request<http::string_body> message_of(const Host& host, const HttpRequest& request) {
    http::request<http::string_body> message(http::string_to_verb(request.method), request.target, 11);
    message.set(http::field::host, host.socket_path.empty() ? authority_of(host) : "localhost");
    message.set(http::field::connection, "close");
    message.set(http::field::user_agent, "sandboxctl");
    if (!request.token.empty())
        message.set(http::field::authorization, "Bearer " + request.token);
    for (const auto& [name, value] : request.headers)
        message.set(name, value);
    if (request.upload) {
        message.set(http::field::content_type, "application/octet-stream");
        if (request.upload->size)
            message.content_length(*request.upload->size);
        else
            message.chunked(true);
        return message;
    }
    if (!request.body.empty()) {
        message.set(http::field::content_type, "application/json");
        message.body() = request.body;
    }
    message.prepare_payload();
    return message;
}

/// A stream has no end that could be known: each piece has its time.
void expect_piece(Connection& stream, const HttpRequest& request) {
    if (request.quiet)
        stream.expires_after(*request.quiet);
    else
        stream.expires_never();
}

asio::awaitable<void> send_file(Connection& stream, const HttpRequest& request) {
    std::string piece(kPiece, '\0');
    for (std::uint64_t sent = 0; sent < *request.upload->size;) {
        const std::uint64_t left = *request.upload->size - sent;
        const std::size_t wanted = left < kPiece ? static_cast<std::size_t>(left) : kPiece;
        const ssize_t got = ::pread(request.upload->fd, piece.data(), wanted, static_cast<off_t>(sent));
        if (got < 0)
            throw_errno("cannot read what is sent");
        if (got == 0)
            throw Error(Errc::conflict, "the file became shorter while it was sent", "Send it again.");
        expect_piece(stream, request);
        co_await asio::async_write(stream, asio::buffer(piece.data(), static_cast<std::size_t>(got)),
                                   asio::use_awaitable);
        sent += static_cast<std::uint64_t>(got);
        if (request.upload->on_sent)
            request.upload->on_sent(sent);
    }
}

std::size_t read_piece(int fd, std::string& piece) {
    for (;;) {
        const ssize_t got = ::read(fd, piece.data(), piece.size());
        if (got >= 0)
            return static_cast<std::size_t>(got);
        if (errno != EINTR)
            throw_errno("cannot read what is sent");
    }
}

/// RFC 9112, 7.1. The last chunk, which is empty, says that it is whole: after a failure there is none.
asio::awaitable<void> send_chunks(Connection& stream, const HttpRequest& request) {
    std::string piece(kPiece, '\0');
    std::uint64_t sent = 0;
    for (std::size_t got = 1; got > 0;) {
        got = read_piece(request.upload->fd, piece);
        std::array<char, 20> size{};
        const auto [end, error] = std::to_chars(size.data(), size.data() + size.size(), got, 16);
        const std::array<asio::const_buffer, 4> chunk{
            asio::buffer(size.data(), static_cast<std::size_t>(end - size.data())), asio::buffer("\r\n", 2),
            asio::buffer(piece.data(), got), asio::buffer("\r\n", 2)};
        expect_piece(stream, request);
        co_await asio::async_write(stream, chunk, asio::use_awaitable);
        sent += got;
        if (request.upload->on_sent)
            request.upload->on_sent(sent);
    }
}

asio::awaitable<void> send(Connection& stream, const Host& host, const HttpRequest& request) {
    http::request<http::string_body> message = message_of(host, request);
    if (!request.upload) {
        co_await http::async_write(stream, message, asio::use_awaitable);
        co_return;
    }
    http::request_serializer<http::string_body> head(message);
    co_await http::async_write_header(stream, head, asio::use_awaitable);
    if (request.upload->size)
        co_await send_file(stream, request);
    else
        co_await send_chunks(stream, request);
}

asio::awaitable<void> read_pieces(Connection& stream, beast::flat_buffer& buffer,
                                  http::response_parser<http::buffer_body>& parser,
                                  const HttpRequest& request) {
    std::string piece(kPiece, '\0');
    while (!parser.is_done()) {
        parser.get().body().data = piece.data();
        parser.get().body().size = piece.size();
        expect_piece(stream, request);
        beast::error_code error;
        co_await http::async_read_some(stream, buffer, parser,
                                       asio::redirect_error(asio::use_awaitable, error));
        if (error && error != http::error::need_buffer)
            throw boost::system::system_error(error);
        const std::size_t got = piece.size() - parser.get().body().size;
        if (got > 0)
            request.on_piece(std::string_view(piece).substr(0, got));
    }
}

asio::awaitable<HttpReply> receive(Connection& stream, const HttpRequest& request) {
    beast::flat_buffer buffer;
    http::response_parser<http::empty_body> head;
    head.body_limit(boost::none);
    co_await http::async_read_header(stream, buffer, head, asio::use_awaitable);
    HttpReply reply;
    reply.status = head.get().result_int();
    reply.content_type = std::string(head.get()[http::field::content_type]);
    if (request.on_head && reply.status >= 200 && reply.status <= 299)
        request.on_head();
    if (request.on_piece && reply.status >= 200 && reply.status <= 299) {
        http::response_parser<http::buffer_body> parser(std::move(head));
        co_await read_pieces(stream, buffer, parser, request);
        co_return reply;
    }
    http::response_parser<http::string_body> parser(std::move(head));
    parser.body_limit(kMaxReply);
    co_await http::async_read(stream, buffer, parser, asio::use_awaitable);
    reply.body = std::move(parser.get().body());
    co_return reply;
}

asio::awaitable<HttpReply> converse(Host host, const HttpRequest& request, Duration timeout) {
    Connection stream(co_await asio::this_coro::executor);
    stream.expires_after(timeout);
    const std::vector<Protocol::endpoint> endpoints = co_await find_endpoints(host);
    co_await stream.async_connect(endpoints, asio::use_awaitable);
    if (host.tls)
        co_await stream.secure(host.name, host.ca_file);
    try {
        co_await send(stream, host, request);
    } catch (const boost::system::system_error&) {
        // A server that refuses a body early has answered before it took all of it: look for its answer.
    }
    stream.expires_after(timeout);
    co_return co_await receive(stream, request);
}

Error broken_off() {
    return {Errc::unavailable, "the exchange with the API was broken off"};
}

bool is_readable(int fd) {
    pollfd wait{fd, POLLIN, 0}; // -1 is left out
    return ::poll(&wait, 1, 0) > 0;
}

/// Stops everything once the descriptor is readable.
asio::awaitable<void> watch(asio::io_context& io, int until) {
    asio::posix::stream_descriptor descriptor(io, ::dup(until));
    co_await descriptor.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
    io.stop();
}

Error to_error(const Host& host, const boost::system::error_code& code, Duration timeout) {
    const std::string where = "the API at " + to_text(host);
    if (code == beast::error::timeout)
        return {Errc::timed_out, where + " did not answer within " + format_duration(timeout),
                "What was asked for may still happen; look before you ask again."};
    if (code == asio::error::access_denied)
        return {Errc::denied, where + ": " + code.message(),
                "Ask the admin for access, or name another address by --host."};
    const bool nobody_there = code == asio::error::connection_refused ||
                              code == boost::system::errc::no_such_file_or_directory ||
                              code.category() == asio::error::get_netdb_category();
    if (nobody_there)
        return {Errc::unavailable, where + " cannot be reached: " + code.message(),
                "Is sandboxd running? " + (host.socket_path.empty() ? "" : start_cure(this_host()) + " ") +
                    "Another address is named by --host or SANDBOX_HOST."};
    return {Errc::unavailable, where + " broke the conversation off: " + code.message(),
            "What was asked for may have happened; look before you ask again."};
}

} // namespace

Host parse_host(std::string_view text) {
    std::string_view rest = text;
    if (rest.starts_with("unix://")) {
        rest.remove_prefix(7);
        // sun_path of unix(7) holds 107 bytes and the end.
        if (!rest.starts_with('/') || rest.size() > 107)
            throw not_a_host(text);
        return {.socket_path = std::string(rest), .name = {}, .port = 0};
    }
    const bool tls = rest.starts_with("https://");
    if (!tls && !rest.starts_with("http://"))
        throw not_a_host(text);
    rest.remove_prefix(tls ? 8 : 7);
    if (rest.ends_with('/'))
        rest.remove_suffix(1);
    Host host{.socket_path = {}, .name = {}, .port = kDefaultPort, .tls = tls};
    const bool is_ipv6 = rest.starts_with('[');
    const std::size_t end = is_ipv6 ? rest.find(']') : rest.find(':');
    host.name = std::string(rest.substr(is_ipv6 ? 1 : 0, end - (is_ipv6 ? 1 : 0)));
    boost::system::error_code not_ipv6;
    if (is_ipv6)
        asio::ip::make_address_v6(host.name, not_ipv6);
    if (host.name.empty() || host.name.find_first_of("/?#@[]% ") != std::string::npos || not_ipv6 ||
        (is_ipv6 && end == std::string_view::npos))
        throw not_a_host(text);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + (is_ipv6 ? 1 : 0));
    if (!rest.empty() && !rest.starts_with(':'))
        throw not_a_host(text);
    if (!rest.empty())
        host.port = parse_port(rest.substr(1), text);
    return host;
}

std::string to_text(const Host& host) {
    if (!host.socket_path.empty())
        return "unix://" + host.socket_path;
    return (host.tls ? "https://" : "http://") + authority_of(host);
}

HttpReply exchange(const Host& host, const HttpRequest& request, Duration timeout) {
    asio::io_context io;
    std::optional<HttpReply> reply;
    std::exception_ptr failure;
    if (is_readable(request.until))
        throw broken_off();
    if (request.until >= 0)
        asio::co_spawn(io, watch(io, request.until), asio::detached);
    asio::co_spawn(io, converse(host, request, timeout),
                   [&](const std::exception_ptr& thrown, HttpReply result) {
                       failure = thrown;
                       reply = std::move(result);
                       io.stop(); // the watch goes on
                   });
    io.run();
    try {
        if (failure)
            std::rethrow_exception(failure);
    } catch (const boost::system::system_error& error) {
        throw to_error(host, error.code(), timeout);
    }
    if (!reply)
        throw broken_off();
    return std::move(*reply);
}

} // namespace sandbox::ctl
