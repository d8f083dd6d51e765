#include "sandbox/api/conversation.hpp"

#include "sandbox/api/problem.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/base/log.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <unistd.h>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

namespace sandbox::api {
namespace {

using namespace std::chrono_literals;
using Stream = beast::basic_stream<asio::generic::stream_protocol>;
using Parser = http::request_parser<http::string_body>;

constexpr auto kHeaderTime = 10s, kIdleTime = 60s, kBodyPause = 30s, kBodyTime = 300s, kWriteTime = 300s;
/// The parser's one limit is for the request line and the headers together; each has its own check.
constexpr std::size_t kMaxHead = kMaxTarget + kMaxHeaders + 64;
constexpr std::size_t kReadStep = 64 * 1024;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

std::string lower(std::string_view text) {
    std::string low(text);
    std::ranges::transform(low, low.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return low;
}

Response bad_request(const std::string& detail) {
    return problem(Error(Errc::invalid_argument, detail, "Send well-formed HTTP/1.1."));
}

Response too_large(std::size_t limit) {
    return problem(Error(Errc::too_large, "the body is over this route's limit",
                         "Send at most " + std::to_string(limit) + " bytes.", "body"));
}

Response uri_too_long() {
    return http_problem(414, "URI Too Long", "the request's target is over 65,536 bytes",
                        "Send long commands in the body.");
}

Response headers_too_large() {
    return http_problem(431, "Request Header Fields Too Large", "the request's headers are over 64 KiB",
                        "Send less.");
}

/// What went wrong while the head was read, as an answer; none where there is nobody to answer to.
std::optional<Response> answer_to(beast::error_code error, const Parser& parser, std::string_view received) {
    if (error == http::error::end_of_stream || error == asio::error::connection_reset ||
        error == http::error::partial_message || error == asio::error::operation_aborted)
        return std::nullopt;
    if (error == beast::error::timeout)
        return http_problem(408, "Request Timeout", "the request did not come in time", "Send it at once.");
    if (error == http::error::header_limit) {
        const bool line_ended = received.substr(0, kMaxTarget).find('\n') != std::string_view::npos;
        return parser.get().target().empty() && !line_ended ? uri_too_long() : headers_too_large();
    }
    if (error == http::error::body_limit)
        return too_large(kMaxRestBody);
    if (error.category() == make_error_code(http::error::bad_version).category())
        return bad_request("the request is not HTTP: " + error.message());
    return std::nullopt;
}

/// Two ways to say where a request ends are how one request is smuggled in another (RFC 9112, 6.1).
std::optional<Response> check_head(const Parser& parser) {
    const auto& head = parser.get();
    if (head.target().size() > kMaxTarget)
        return uri_too_long();
    if (head.version() != 11 && head.version() != 10)
        return bad_request("the version of HTTP is neither 1.1 nor 1.0");
    std::size_t size = 0;
    for (const auto& field : head)
        size += field.name_string().size() + field.value().size() + 4;
    if (size > kMaxHeaders)
        return headers_too_large();
    const auto encodings = head.count(http::field::transfer_encoding);
    const auto lengths = head.count(http::field::content_length);
    if (encodings + lengths > 1)
        return bad_request("Content-Length and Transfer-Encoding are given together, or twice");
    if (encodings == 1 && (lower(head[http::field::transfer_encoding]) != "chunked" || head.version() == 10))
        return bad_request("the only Transfer-Encoding is chunked, of HTTP/1.1");
    for (const auto name : {http::field::host, http::field::authorization, http::field::origin})
        if (head.count(name) > 1)
            return bad_request("the header " + std::string(to_string(name)) + " is given twice");
    return std::nullopt;
}

Request request_of(const Parser& parser) {
    Request request;
    request.method = parser.get().method_string();
    for (const auto& field : parser.get())
        request.headers.emplace_back(lower(field.name_string()), std::string(field.value()));
    parse_target(request, parser.get().target());
    return request;
}

/// A caller's own id where it is fit for a log, else a new one.
std::string request_id(const Request& request) {
    const auto id = request.header("x-request-id");
    const auto is_plain = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
               c == '_' || c == '.';
    };
    return id && !id->empty() && id->size() <= 128 && std::ranges::all_of(*id, is_plain) ? *id
                                                                                         : new_session_id();
}

/// Header values come from the engine too: a line break in one would forge headers.
std::string one_line(std::string text) {
    std::erase_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    return text;
}

class Conversation {
  public:
    Conversation(asio::generic::stream_protocol::socket socket, Admit admit)
        : stream_(std::move(socket)),
          admit_(std::move(admit)) {}

    asio::awaitable<void> run() {
        while (co_await one_request())
            ;
        beast::error_code ignored;
        stream_.socket().shutdown(asio::socket_base::shutdown_send, ignored);
        co_await drain();
    }

  private:
    /// False when the conversation is over.
    asio::awaitable<bool> one_request() {
        if (!co_await await_first_byte())
            co_return false;
        Parser parser;
        parser.header_limit(static_cast<std::uint32_t>(kMaxHead));
        parser.body_limit(kMaxRestBody);
        parser.eager(false); // the head alone: its body waits for its limit
        stream_.expires_after(kHeaderTime);
        beast::error_code error;
        while (!error && !parser.is_header_done())
            error = co_await advance(parser);
        std::optional<Response> refusal;
        if (error) {
            const auto data = buffer_.cdata();
            refusal = answer_to(error, parser,
                                std::string_view(static_cast<const char*>(data.data()), data.size()));
            if (!refusal)
                co_return false;
        } else {
            refusal = check_head(parser);
        }
        if (refusal)
            co_return co_await write(*refusal, new_session_id(), false, false);
        co_return co_await answer(parser);
    }

    asio::awaitable<bool> answer(Parser& parser) {
        Request request;
        Admitted admitted;
        std::optional<Response> refusal;
        bool keep = parser.keep_alive();
        std::string id;
        const bool head_only = parser.get().method() == http::verb::head;
        try {
            request = request_of(parser);
            id = request_id(request);
            admitted = admit_(request);
            refusal = std::move(admitted.refusal);
        } catch (const Error& error) {
            refusal = problem(error);
        }
        if (id.empty())
            id = new_session_id();
        if (refusal) // the body, where there is one, is not read: nothing can follow it
            co_return co_await write(*refusal, id, keep && parser.is_done(), head_only);
        refusal = co_await read_body(parser, admitted.max_body);
        if (refusal)
            co_return co_await write(*refusal, id, false, head_only);
        request.body = std::move(parser.get().body());
        stream_.expires_never();
        const Response response = co_await answer_safely(admitted, std::move(request));
        co_return co_await write(response, id, keep, head_only);
    }

    static asio::awaitable<Response> answer_safely(const Admitted& admitted, Request request) {
        try {
            co_return co_await admitted.answer(std::move(request));
        } catch (const Error& error) {
            co_return problem(error);
        } catch (const std::exception& error) {
            log::error(std::string("a request failed: ") + error.what());
            co_return problem(Error(Errc::internal, "the request failed by a defect of this program",
                                    "Tell the operator; the log has more."));
        }
    }

    /// Parses what is there, or takes more first. http::async_read_some would parse in a handler of the
    /// io_context: what the parser throws for a field over 65,535 bytes would end the whole program there.
    asio::awaitable<beast::error_code> advance(Parser& parser) {
        beast::error_code error = http::error::need_more;
        if (buffer_.size() > 0) {
            try {
                buffer_.consume(parser.put(buffer_.data(), error));
            } catch (const std::length_error&) {
                error = http::error::header_limit;
            }
        }
        if (error != http::error::need_more)
            co_return error;
        auto [failure, size] = co_await stream_.async_read_some(buffer_.prepare(kReadStep), kTuple);
        buffer_.commit(size);
        if (failure == asio::error::eof)
            co_return http::error::partial_message;
        co_return failure;
    }

    asio::awaitable<bool> await_first_byte() {
        if (buffer_.size() > 0)
            co_return true;
        stream_.expires_after(served_ == 0 ? kHeaderTime : kIdleTime);
        auto [error, size] = co_await stream_.async_read_some(buffer_.prepare(kReadStep), kTuple);
        buffer_.commit(size);
        co_return !error && size > 0;
    }

    /// An answer where the body is not to be had.
    asio::awaitable<std::optional<Response>> read_body(Parser& parser, std::size_t limit) {
        if (parser.content_length() && *parser.content_length() > limit)
            co_return too_large(limit);
        parser.body_limit(limit);
        if (!parser.is_done() && lower(parser.get()[http::field::expect]) == "100-continue")
            co_await say_continue();
        const auto deadline = std::chrono::steady_clock::now() + kBodyTime;
        while (!parser.is_done()) {
            stream_.expires_at(std::min(deadline, std::chrono::steady_clock::now() + kBodyPause));
            const beast::error_code error = co_await advance(parser);
            if (error == http::error::body_limit)
                co_return too_large(limit);
            if (error)
                co_return bad_request("the body is malformed or incomplete: " + error.message());
        }
        co_return std::nullopt;
    }

    asio::awaitable<void> say_continue() {
        static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
        stream_.expires_after(kHeaderTime);
        co_await asio::async_write(stream_, asio::buffer(kContinue), kTuple);
    }

    asio::awaitable<bool> write(const Response& response, const std::string& id, bool keep, bool head_only) {
        ++served_;
        http::response<http::string_body> message(static_cast<http::status>(response.status), 11);
        message.set(http::field::content_type, one_line(response.content_type));
        message.set(http::field::cache_control, "no-store");
        message.set("X-Content-Type-Options", "nosniff");
        message.set("X-Request-Id", id);
        for (const auto& [name, value] : response.headers)
            message.set(name, one_line(value));
        message.content_length(response.file ? response.file->size : response.body.size());
        message.keep_alive(keep);
        if (!head_only && !response.file)
            message.body() = response.body;
        http::response_serializer<http::string_body> serializer(message);
        stream_.expires_after(kWriteTime);
        auto [error, size] = co_await http::async_write(stream_, serializer, kTuple);
        if (error)
            co_return false;
        if (response.file && !head_only && !co_await send_file(*response.file))
            co_return false;
        co_return keep;
    }

    /// False where not all of it was sent: then only the end of the connection can say so.
    asio::awaitable<bool> send_file(const FileBody& file) {
        std::vector<char> chunk(kReadStep);
        for (std::uint64_t sent = 0; sent < file.size;) {
            const auto wanted =
                static_cast<std::size_t>(std::min<std::uint64_t>(chunk.size(), file.size - sent));
            const ssize_t got = ::pread(file.fd.get(), chunk.data(), wanted, static_cast<off_t>(sent));
            if (got <= 0)
                co_return false; // it was cut short meanwhile
            stream_.expires_after(kBodyPause);
            const auto piece = asio::buffer(chunk.data(), static_cast<std::size_t>(got));
            auto [error, size] = co_await asio::async_write(stream_, piece, kTuple);
            if (error)
                co_return false;
            sent += size;
        }
        co_return true;
    }

    /// Takes what still comes, for a moment: closing with unread bytes would reset the connection, and the
    /// caller might never see the answer.
    asio::awaitable<void> drain() {
        std::array<char, 4096> waste{};
        stream_.expires_after(1s);
        for (;;) {
            auto [error, size] = co_await stream_.async_read_some(asio::buffer(waste), kTuple);
            if (error || size == 0)
                break;
        }
    }

    Stream stream_;
    Admit admit_;
    beast::flat_buffer buffer_;
    std::size_t served_ = 0;
};

} // namespace

asio::awaitable<void> converse(asio::generic::stream_protocol::socket socket, Admit admit) {
    try {
        Conversation conversation(std::move(socket), std::move(admit));
        co_await conversation.run();
    } catch (const std::exception& error) {
        log::warning(std::string("a connection ended: ") + error.what());
    }
}

} // namespace sandbox::api
