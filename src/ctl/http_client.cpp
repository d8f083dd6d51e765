#include "http_client.hpp"

#include "sandbox/base/error.hpp"

#include <charconv>
#include <exception>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace sandbox::ctl {
namespace {

using Protocol = asio::generic::stream_protocol;
using Stream = beast::basic_stream<Protocol>;

constexpr std::uint16_t kDefaultPort = 8600;
constexpr std::uint64_t kMaxReply = 256 << 20;

Error not_a_host(std::string_view text) {
    return {Errc::invalid_argument, "not the address of an API: " + std::string(text),
            "Use unix:///run/chimerax-sandbox/api.sock or http://127.0.0.1:8600.", "host"};
}

std::uint16_t parse_port(std::string_view digits, std::string_view whole) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc() || end != digits.data() + digits.size() || port == 0)
        throw not_a_host(whole);
    return port;
}

asio::awaitable<Protocol::endpoint> find_endpoint(Host host) {
    if (!host.socket_path.empty())
        co_return asio::local::stream_protocol::endpoint(host.socket_path);
    asio::ip::tcp::resolver resolver(co_await asio::this_coro::executor);
    const auto found =
        co_await resolver.async_resolve(host.name, std::to_string(host.port), asio::use_awaitable);
    co_return found.begin()->endpoint();
}

http::request<http::string_body> message_of(const Host& host, const HttpRequest& request) {
    http::request<http::string_body> message(http::string_to_verb(request.method), request.target, 11);
    message.set(http::field::host,
                host.socket_path.empty() ? host.name + ":" + std::to_string(host.port) : "localhost");
    message.set(http::field::connection, "close");
    message.set(http::field::user_agent, "sandboxctl");
    if (!request.token.empty())
        message.set(http::field::authorization, "Bearer " + request.token);
    if (!request.body.empty()) {
        message.set(http::field::content_type, "application/json");
        message.body() = request.body;
    }
    message.prepare_payload();
    return message;
}

asio::awaitable<HttpReply> converse(Host host, HttpRequest request, Duration timeout) {
    Stream stream(co_await asio::this_coro::executor);
    stream.expires_after(timeout);
    const Protocol::endpoint endpoint = co_await find_endpoint(host);
    co_await stream.async_connect(endpoint, asio::use_awaitable);

    http::request<http::string_body> message = message_of(host, request);
    beast::error_code write_error;
    co_await http::async_write(stream, message, asio::redirect_error(asio::use_awaitable, write_error));
    // A server that refuses a body early has answered before it took all of it: look for its answer.
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(kMaxReply);
    co_await http::async_read(stream, buffer, parser, asio::use_awaitable);

    HttpReply reply;
    reply.status = parser.get().result_int();
    reply.content_type = std::string(parser.get()[http::field::content_type]);
    reply.body = std::move(parser.get().body());
    co_return reply;
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
                "Is sandboxd running? Another address is named by --host or SANDBOX_HOST."};
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
    if (!rest.starts_with("http://"))
        throw not_a_host(text);
    rest.remove_prefix(7);
    if (rest.ends_with('/'))
        rest.remove_suffix(1);
    Host host{.socket_path = {}, .name = {}, .port = kDefaultPort};
    const std::size_t colon = rest.find(':');
    if (colon != std::string_view::npos)
        host.port = parse_port(rest.substr(colon + 1), text);
    host.name = std::string(rest.substr(0, colon));
    if (host.name.empty() || host.name.find_first_of("/?#@[] ") != std::string::npos)
        throw not_a_host(text);
    return host;
}

std::string to_text(const Host& host) {
    return host.socket_path.empty() ? "http://" + host.name + ":" + std::to_string(host.port)
                                    : "unix://" + host.socket_path;
}

HttpReply exchange(const Host& host, const HttpRequest& request, Duration timeout) {
    asio::io_context io;
    std::optional<HttpReply> reply;
    std::exception_ptr failure;
    asio::co_spawn(io, converse(host, request, timeout),
                   [&](const std::exception_ptr& thrown, HttpReply result) {
                       failure = thrown;
                       reply = std::move(result);
                   });
    io.run();
    try {
        if (failure)
            std::rethrow_exception(failure);
    } catch (const boost::system::system_error& error) {
        throw to_error(host, error.code(), timeout);
    }
    return std::move(*reply);
}

} // namespace sandbox::ctl
