#include "sandbox/api/conversation.hpp"

#include "sandbox/api/problem.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/base/log.hpp"
#include "wire.hpp"

#include <algorithm>
#include <chrono>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <openssl/err.h>
#include <unistd.h>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

namespace sandbox::api {
namespace {

using namespace std::chrono_literals;
using Parser = http::request_parser<http::string_body>;
using StreamParser = http::request_parser<http::buffer_body>;

constexpr auto kHeaderTime = 10s, kIdleTime = 60s, kBodyPause = 30s, kBodyTime = 300s, kWriteTime = 300s,
               kUploadTime = 3600s, kHandshakeTime = 10s;
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

Response too_large(std::uint64_t limit) {
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

/// `Stream` is a Wire, or TLS above one. All deadlines are the wire's.
template <typename Stream>
class Conversation {
  public:
    Conversation(Stream& stream, Admit admit)
        : stream_(stream),
          wire_(wire_of(stream)),
          admit_(std::move(admit)) {}

    asio::awaitable<void> run() {
        bool goes_on = true; // GCC 12 makes a trap of co_await in the loop's condition, in a template
        while (goes_on)
            goes_on = co_await one_request();
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
        wire_.expires_after(kHeaderTime);
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
        can_chunk_ = parser.get().version() == 11;
        std::string id;
        const bool head_only = parser.get().method() == http::verb::head;
        try {
            request = request_of(parser);
            id = request_id(request);
            request.id = id;
            admitted = admit_(request);
            refusal = std::move(admitted.refusal);
        } catch (const Error& error) {
            refusal = problem(error);
        }
        if (id.empty())
            id = new_session_id();
        if (refusal) // the body, where there is one, is not read: nothing can follow it
            co_return co_await write(*refusal, id, keep && parser.is_done(), head_only);
        if (admitted.streams_body)
            co_return co_await answer_stream(parser, admitted, std::move(request), id, keep);
        refusal = co_await read_body(parser, admitted.max_body);
        if (refusal)
            co_return co_await write(*refusal, id, false, head_only);
        request.body = std::move(parser.get().body());
        wire_.expires_never();
        const std::shared_ptr<Client> client = watched_client();
        request.client = client;
        const Response response = co_await answer_safely(admitted, std::move(request));
        is_answered(*client);
        co_return co_await write(response, id, keep, head_only);
    }

    void is_answered(Client& client) {
        client.answered();
        if (const auto watch = std::exchange(hang_up_, nullptr))
            watch->cancel();
    }

    /// The handler takes the body as it comes; what it leaves is not read, and nothing can follow it.
    asio::awaitable<bool> answer_stream(Parser& head, const Admitted& admitted, Request request,
                                        std::string id, bool keep) {
        if (head.content_length() && *head.content_length() > admitted.max_body)
            co_return co_await write(too_large(admitted.max_body), id, false, false);
        bool wants_continue = lower(head.get()[http::field::expect]) == "100-continue";
        StreamParser parser(std::move(head));
        parser.body_limit(admitted.max_body);
        const auto deadline = std::chrono::steady_clock::now() + kUploadTime;
        request.body_stream = [&]() -> asio::awaitable<std::optional<std::string>> {
            return next_piece(parser, deadline, std::exchange(wants_continue, false));
        };
        const std::shared_ptr<Client> client = watched_client();
        request.client = client;
        const Response response = co_await answer_safely(admitted, std::move(request));
        is_answered(*client);
        co_return co_await write(response, id, keep && parser.is_done(), false);
    }

    asio::awaitable<std::optional<std::string>>
    next_piece(StreamParser& parser, std::chrono::steady_clock::time_point deadline, bool wants_continue) {
        if (parser.is_done())
            co_return std::nullopt;
        if (wants_continue)
            co_await say_continue();
        std::string piece(kReadStep, '\0');
        auto& body = parser.get().body();
        body.data = piece.data();
        body.size = piece.size();
        while (body.size == piece.size() && !parser.is_done()) {
            beast::error_code error = http::error::need_more;
            if (buffer_.size() > 0)
                buffer_.consume(parser.put(buffer_.data(), error));
            if (error == http::error::need_buffer)
                break;
            if (error == http::error::need_more && body.size == piece.size()) {
                wire_.expires_at(std::min(deadline, std::chrono::steady_clock::now() + kBodyPause));
                auto [failure, size] = co_await stream_.async_read_some(buffer_.prepare(kReadStep), kTuple);
                buffer_.commit(size);
                error = failure;
            } else if (error == http::error::need_more) {
                error = {};
            }
            if (error)
                throw Error(Errc::invalid_argument, "the body is malformed or incomplete: " + error.message(),
                            "Send well-formed HTTP/1.1.", "body");
        }
        wire_.expires_never();
        piece.resize(piece.size() - body.size);
        if (piece.empty())
            co_return std::nullopt;
        co_return piece;
    }

    std::shared_ptr<Client> watched_client() {
        const auto its = std::make_shared<std::weak_ptr<Client>>();
        auto client = std::make_shared<Client>([this, its] {
            hang_up_ = std::make_shared<HangUp>(wire_);
            asio::co_spawn(wire_.get_executor(), HangUp::watch(hang_up_, its->lock()), asio::detached);
        });
        *its = client;
        return client;
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
        wire_.expires_after(served_ == 0 ? kHeaderTime : kIdleTime);
        auto [error, size] = co_await stream_.async_read_some(buffer_.prepare(kReadStep), kTuple);
        buffer_.commit(size);
        co_return !error && size > 0;
    }

    /// An answer where the body is not to be had.
    asio::awaitable<std::optional<Response>> read_body(Parser& parser, std::uint64_t limit) {
        if (parser.content_length() && *parser.content_length() > limit)
            co_return too_large(limit);
        parser.body_limit(limit);
        if (!parser.is_done() && lower(parser.get()[http::field::expect]) == "100-continue")
            co_await say_continue();
        const auto deadline = std::chrono::steady_clock::now() + kBodyTime;
        while (!parser.is_done()) {
            wire_.expires_at(std::min(deadline, std::chrono::steady_clock::now() + kBodyPause));
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
        wire_.expires_after(kHeaderTime);
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
        if (response.stream) {
            // A client of HTTP/1.0 knows the end of the connection alone as an end.
            message.chunked(can_chunk_);
            keep = keep && can_chunk_;
        } else if (response.status != 304) {
            message.content_length(response.file ? response.file->size : response.body.size());
        }
        message.keep_alive(keep);
        if (!head_only && !response.file && !response.stream)
            message.body() = response.body;
        http::response_serializer<http::string_body> serializer(message);
        wire_.expires_after(kWriteTime);
        // The header alone: a chunked body without anything in it would be a complete one.
        auto [error, size] = response.stream ? co_await http::async_write_header(stream_, serializer, kTuple)
                                             : co_await http::async_write(stream_, serializer, kTuple);
        if (error)
            co_return false;
        if (response.stream && !head_only && !co_await send_stream(response.stream))
            co_return false;
        if (response.file && !head_only && !co_await send_file(*response.file))
            co_return false;
        co_return keep;
    }

    /// False where the client has gone, or does not read.
    asio::awaitable<bool> send_stream(const BodyStream& next) {
        for (;;) {
            wire_.expires_never();
            const std::optional<std::string> piece = co_await next();
            std::string text;
            if (piece && piece->empty()) {
                if (is_gone(wire_))
                    co_return false;
                continue;
            }
            if (can_chunk_ && piece) {
                std::ostringstream size;
                size << std::hex << piece->size();
                text = size.str() + "\r\n" + *piece + "\r\n";
            } else {
                text = piece ? *piece : can_chunk_ ? "0\r\n\r\n" : "";
            }
            wire_.expires_after(kBodyPause);
            auto [error, size] = co_await asio::async_write(stream_, asio::buffer(text), kTuple);
            if (error)
                co_return false;
            if (!piece)
                co_return true;
        }
    }

    /// False where not all of it was sent: then only the end of the connection can say so.
    asio::awaitable<bool> send_file(const FileBody& file) {
        std::vector<char> chunk(kReadStep);
        for (std::uint64_t sent = 0; sent < file.size;) {
            const auto wanted =
                static_cast<std::size_t>(std::min<std::uint64_t>(chunk.size(), file.size - sent));
            const ssize_t got =
                ::pread(file.fd.get(), chunk.data(), wanted, static_cast<off_t>(file.offset + sent));
            if (got <= 0)
                co_return false; // it was cut short meanwhile
            wire_.expires_after(kBodyPause);
            const auto piece = asio::buffer(chunk.data(), static_cast<std::size_t>(got));
            auto [error, size] = co_await asio::async_write(stream_, piece, kTuple);
            if (error)
                co_return false;
            sent += size;
        }
        co_return true;
    }

    Stream& stream_;
    Wire& wire_;
    Admit admit_;
    std::shared_ptr<HangUp> hang_up_;
    beast::flat_buffer buffer_;
    std::size_t served_ = 0;
    bool can_chunk_ = false;
};

/// Whoever took TLS for plain HTTP is told so in plain HTTP, as he cannot read anything else.
asio::awaitable<void> say_tls(Wire& wire) {
    const std::string body =
        http_problem(400, "Bad Request", "this port speaks TLS", "Call it by https://.").body;
    const std::string text = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\n"
                             "Content-Length: " +
                             std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
    wire.expires_after(kHeaderTime);
    co_await asio::async_write(wire, asio::buffer(text), kTuple);
}

asio::awaitable<void> converse_tls(TlsStream& stream, Admit admit) {
    Wire& wire = wire_of(stream);
    wire.expires_after(kHandshakeTime); // for all of it, however slowly it comes
    const auto [failure] = co_await stream.async_handshake(asio::ssl::stream_base::server, kTuple);
    if (failure) {
        ::ERR_clear_error();
        log::debug("a TLS handshake failed: " + failure.message());
        if (failure.category() == asio::error::get_ssl_category() &&
            ERR_GET_REASON(static_cast<unsigned long>(failure.value())) == SSL_R_HTTP_REQUEST)
            co_await say_tls(wire);
        co_return;
    }
    Conversation<TlsStream> conversation(stream, std::move(admit));
    co_await conversation.run();
    // Without this word of farewell a client could take a cut answer for a whole one.
    wire.expires_after(1s);
    co_await stream.async_shutdown(kTuple);
    ::ERR_clear_error();
}

} // namespace

asio::awaitable<void> converse(asio::generic::stream_protocol::socket socket, Admit admit,
                               std::shared_ptr<asio::ssl::context> tls) {
    try {
        if (tls) {
            TlsStream stream(Wire(std::move(socket)), *tls);
            co_await converse_tls(stream, std::move(admit));
            co_await take_leave(wire_of(stream));
        } else {
            Wire wire(std::move(socket));
            Conversation<Wire> conversation(wire, std::move(admit));
            co_await conversation.run();
            co_await take_leave(wire);
        }
    } catch (const std::exception& error) {
        log::warning(std::string("a connection ended: ") + error.what());
    }
}

} // namespace sandbox::api
