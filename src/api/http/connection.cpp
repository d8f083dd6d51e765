#include "api/http/connection.hpp"

#include "api/http/answer_writer.hpp"
#include "api/http/problem.hpp"
#include "api/http/request_head.hpp"
#include "api/transport/stream.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/base/log.hpp"

#include <algorithm>
#include <chrono>
#include <sstream>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

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
using StreamParser = http::request_parser<http::buffer_body>;

constexpr auto kHeaderTime = 10s, kIdleTime = 60s, kHandshakeTime = 10s;
constexpr std::size_t kReadStep = 64 * 1024;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

Response too_large(std::uint64_t limit) {
    return problem(Error(Errc::too_large, "the body is over this route's limit",
                         "Send at most " + std::to_string(limit) + " bytes.", "body"));
}

std::string_view text_of(beast::string_view text) {
    return {text.data(), text.size()};
}

/// `Stream` is a Wire, or TLS above one. All deadlines are the wire's.
template <typename Stream>
class Conversation {
  public:
    Conversation(Stream& stream, Admit admit, const Patience& patience)
        : stream_(stream),
          wire_(wire_of(stream)),
          admit_(std::move(admit)),
          patience_(patience) {}

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
        parser.body_limit(boost::none); // it is the route's
        parser.eager(false);            // the head alone: its body waits for its limit
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
            refusal = check_meaning(request);
            if (!refusal) {
                admitted = admit_(request);
                refusal = std::move(admitted.refusal);
            }
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
        bool wants_continue = lower(text_of(head.get()[http::field::expect])) == "100-continue";
        StreamParser parser(std::move(head));
        parser.body_limit(admitted.max_body);
        Pace pace(patience_, Held::on_disk);
        request.body_stream = [&]() -> asio::awaitable<std::optional<std::string>> {
            return next_piece(parser, pace, std::exchange(wants_continue, false));
        };
        const std::shared_ptr<Client> client = watched_client();
        request.client = client;
        const Response response = co_await answer_safely(admitted, std::move(request));
        is_answered(*client);
        co_return co_await write(response, id, keep && parser.is_done(), false);
    }

    asio::awaitable<std::optional<std::string>> next_piece(StreamParser& parser, Pace& pace,
                                                           bool wants_continue) {
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
                wire_.expires_at(pace.deadline());
                auto [failure, size] = co_await stream_.async_read_some(buffer_.prepare(kReadStep), kTuple);
                buffer_.commit(size);
                pace.moved(size);
                error = failure;
            } else if (error == http::error::need_more) {
                error = {};
            }
            if (error == beast::error::timeout)
                throw Error(Errc::timed_out, "the body did not come on", "Send it without long pauses.",
                            "body");
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
            hang_up_ = std::make_shared<HangUp>(wire_, can_chunk_ && std::is_same_v<Stream, Wire>);
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
        if (!parser.is_done() && lower(text_of(parser.get()[http::field::expect])) == "100-continue")
            co_await say_continue();
        Pace pace(patience_, Held::in_memory);
        while (!parser.is_done()) {
            wire_.expires_at(pace.deadline());
            const std::size_t before = parser.get().body().size();
            const beast::error_code error = co_await advance(parser);
            pace.moved(parser.get().body().size() - before);
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
        const AnswerSpeech speech{
            .id = id, .keep = keep, .head_only = head_only, .can_chunk = can_chunk_, .patience = patience_};
        AnswerWriter<Stream> writer(stream_, speech);
        co_return co_await writer.write(response);
    }

    Stream& stream_;
    Wire& wire_;
    Admit admit_;
    const Patience patience_;
    std::shared_ptr<HangUp> hang_up_;
    beast::flat_buffer buffer_;
    std::size_t served_ = 0;
    bool can_chunk_ = false;
};

/// A client that took TLS for plain HTTP is told so in plain HTTP, as it cannot read anything else.
asio::awaitable<void> say_tls(Wire& wire) {
    const std::string body =
        http_problem(400, "Bad Request", "this port speaks TLS", "Call it by https://.").body;
    const std::string text = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\n"
                             "Content-Length: " +
                             std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
    wire.expires_after(kHeaderTime);
    co_await asio::async_write(wire, asio::buffer(text), kTuple);
}

asio::awaitable<void> converse_tls(TlsStream& stream, Admit admit, Patience patience) {
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
    Conversation<TlsStream> conversation(stream, std::move(admit), patience);
    co_await conversation.run();
    // Without this word of farewell a client could take a cut answer for a whole one.
    wire.expires_after(1s);
    co_await stream.async_shutdown(kTuple);
    ::ERR_clear_error();
}

} // namespace

asio::awaitable<void> converse(asio::generic::stream_protocol::socket socket, Admit admit,
                               std::shared_ptr<asio::ssl::context> tls, Patience patience) {
    try {
        if (tls) {
            TlsStream stream(Wire(std::move(socket)), *tls);
            co_await converse_tls(stream, std::move(admit), patience);
            co_await take_leave(wire_of(stream));
        } else {
            Wire wire(std::move(socket));
            Conversation<Wire> conversation(wire, std::move(admit), patience);
            co_await conversation.run();
            co_await take_leave(wire);
        }
    } catch (const std::exception& error) {
        log::warning(std::string("a connection ended: ") + error.what());
    }
}

} // namespace sandbox::api
