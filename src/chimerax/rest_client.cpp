#include "sandbox/chimerax/rest_client.hpp"

#include "sandbox/base/error.hpp"

#include <algorithm>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

namespace sandbox::chimerax {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::uint32_t kMaxHeader = 64 * 1024;
constexpr std::string_view kMayHaveRun = "; the command may have run, so look before you send it again";

std::string name_of(const asio::ip::tcp::endpoint& engine) {
    return engine.address().to_string() + ":" + std::to_string(engine.port());
}

bool is_visible_ascii(char c) {
    return c > ' ' && c < '\x7f';
}

// What goes into a header line may neither end that line nor start another request.
void check(const RestRequest& request) {
    if (request.method != "GET" && request.method != "POST")
        throw Error(Errc::invalid_argument, "ChimeraX's REST server knows no method " + request.method,
                    "Use GET or POST.", "method");
    if (request.target.empty() || request.target.front() != '/' ||
        !std::all_of(request.target.begin(), request.target.end(), is_visible_ascii))
        throw Error(Errc::invalid_argument, "the request's target is not a path of visible ASCII characters",
                    "Percent-encode it.", "target");
    if (!std::all_of(request.content_type.begin(), request.content_type.end(),
                     [](char c) { return c == ' ' || is_visible_ascii(c); }))
        throw Error(Errc::invalid_argument, "the content type holds characters that no header may hold", {},
                    "content_type");
}

std::string wire_text(const asio::ip::tcp::endpoint& engine, const RestRequest& request) {
    std::string text =
        request.method + " " + request.target + " HTTP/1.0\r\nHost: " + name_of(engine) + "\r\n";
    if (request.method == "POST") {
        if (!request.content_type.empty())
            text += "Content-Type: " + request.content_type + "\r\n";
        text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
    }
    text += "\r\n";
    if (request.method == "POST")
        text += request.body;
    return text;
}

// Once there was a connection, the request may have been carried out, whatever became of its answer.

[[noreturn]] void throw_engine(const asio::ip::tcp::endpoint& engine, const std::string& what) {
    throw Error(Errc::engine, "ChimeraX at " + name_of(engine) + " " + what + std::string(kMayHaveRun))
        .of_sent_request();
}

Error late(const asio::ip::tcp::endpoint& engine, const std::string& what, Duration timeout) {
    return {Errc::timed_out,
            "ChimeraX at " + name_of(engine) + " " + what + " within " + format_duration(timeout)};
}

[[noreturn]] void throw_read_failure(const asio::ip::tcp::endpoint& engine, error_code error,
                                     const RestLimits& limits, bool got_something) {
    if (error == beast::error::timeout)
        throw late(engine, got_something ? "began an answer that did not end" : "did not answer",
                   limits.timeout)
            .of_sent_request();
    if (error == asio::error::operation_aborted)
        throw_engine(engine, "was not listened to any longer");
    if (error == http::error::end_of_stream || (!got_something && error == asio::error::connection_reset))
        throw_engine(engine, "closed the connection without an answer");
    if (error == http::error::body_limit)
        throw_engine(engine, "sent an answer of more than " + limits.max_body.text() + " bytes");
    if (error == http::error::header_limit)
        throw_engine(engine, "sent an answer whose header does not end");
    if (error == http::error::partial_message || error == asio::error::connection_reset)
        throw_engine(engine, "sent an answer that is cut off");
    throw_engine(engine, "sent an answer that is not HTTP (" + error.message() + ")");
}

} // namespace

asio::awaitable<RestReply> request(asio::ip::tcp::endpoint engine, RestRequest request, RestLimits limits) {
    check(request);
    beast::tcp_stream stream(co_await asio::this_coro::executor);
    // Set once: the deadline holds for everything that follows on this stream.
    stream.expires_after(limits.timeout);

    error_code error;
    co_await stream.async_connect(engine, asio::redirect_error(asio::use_awaitable, error));
    if (error == beast::error::timeout)
        throw late(engine, "took no connection", limits.timeout);
    if (error)
        throw Error(Errc::unavailable,
                    "cannot connect to ChimeraX at " + name_of(engine) + ": " + error.message());

    const std::string text = wire_text(engine, request);
    co_await asio::async_write(stream, asio::buffer(text), asio::redirect_error(asio::use_awaitable, error));
    if (error == beast::error::timeout)
        throw late(engine, "did not read the request", limits.timeout).of_sent_request();
    // Any other failure: the server may have answered before it read all (414) and closed. Go and look.

    http::response_parser<http::string_body> parser;
    parser.header_limit(kMaxHeader);
    parser.body_limit(limits.max_body.value);
    beast::flat_buffer buffer(kMaxHeader + 64 * 1024);
    co_await http::async_read(stream, buffer, parser, asio::redirect_error(asio::use_awaitable, error));
    if (error)
        throw_read_failure(engine, error, limits, parser.got_some());

    http::response<http::string_body>& reply = parser.get();
    if (parser.chunked())
        throw_engine(engine, "answered in chunks, which HTTP/1.0 does not have");
    if (reply.result_int() < 200)
        throw_engine(engine, "answered with the provisional status " + std::to_string(reply.result_int()));
    if (buffer.size() != 0)
        throw_engine(engine, "sent more than its Content-Length says");
    co_return RestReply{reply.result_int(), std::string(reply[http::field::content_type]),
                        std::move(reply.body())};
}

} // namespace sandbox::chimerax
