#pragma once

#include "api/http/message.hpp"
#include "api/transport/pace.hpp"
#include "api/transport/stream.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <unistd.h>

namespace sandbox::api {

/// How an answer is to be said on its connection.
struct AnswerSpeech {
    std::string id;         ///< of the request
    bool keep = false;      ///< another request may follow
    bool head_only = false; ///< to a HEAD
    bool can_chunk = false; ///< the client speaks HTTP/1.1
    Patience patience;
};

/// The status line and the headers.
std::string answer_head(const Response& response, const AnswerSpeech& speech);

/// `d\r\n…\r\n`
std::string as_chunk(const std::string& piece);

/// Sends one answer. `Stream` is a Wire, or TLS above one.
template <typename Stream>
class AnswerWriter {
  public:
    AnswerWriter(Stream& stream, AnswerSpeech speech)
        : stream_(stream),
          wire_(wire_of(stream)),
          speech_(std::move(speech)),
          pace_(speech_.patience, Held::in_memory) {}

    /// False when the conversation is over.
    boost::asio::awaitable<bool> write(const Response& response) {
        // A client of HTTP/1.0 knows the end of the connection alone as an end of what has no length.
        speech_.keep = speech_.keep && (!response.stream || speech_.can_chunk);
        if (response.file)
            pace_ = Pace(speech_.patience, Held::on_disk);
        std::string text = answer_head(response, speech_);
        const bool with_body = !speech_.head_only && !response.file && !response.stream;
        const bool at_once = with_body && response.body.size() <= kStep;
        if (at_once)
            text += response.body;
        if (!co_await send(text))
            co_return false;
        if (with_body && !at_once && !co_await send(response.body))
            co_return false;
        if (response.stream && !speech_.head_only && !co_await send_stream(response.stream))
            co_return false;
        if (response.file && !speech_.head_only && !co_await send_file(response))
            co_return false;
        co_return speech_.keep;
    }

  private:
    static constexpr std::size_t kStep = 64 * 1024;
    static constexpr auto kFollowerPause = std::chrono::seconds(30);
    static constexpr auto kTuple = boost::asio::as_tuple(boost::asio::use_awaitable);

    /// False where the client has gone, or does not read on.
    boost::asio::awaitable<bool> send(std::string_view text) {
        while (!text.empty()) {
            wire_.expires_at(pace_.deadline());
            const auto piece = boost::asio::buffer(text.data(), text.size());
            auto [error, size] = co_await stream_.async_write_some(piece, kTuple);
            if (error)
                co_return false;
            pace_.moved(size);
            text.remove_prefix(size);
        }
        co_return true;
    }

    /// False where the client has gone, or does not read.
    boost::asio::awaitable<bool> send_stream(const BodyStream& next) {
        for (;;) {
            wire_.expires_never();
            const std::optional<std::string> piece = co_await next();
            if (piece && piece->empty()) {
                if (is_gone(wire_))
                    co_return false;
                continue;
            }
            std::string text = piece ? *piece : "";
            if (speech_.can_chunk)
                text = as_chunk(text);
            wire_.expires_after(kFollowerPause);
            auto [error, size] =
                co_await boost::asio::async_write(stream_, boost::asio::buffer(text), kTuple);
            if (error)
                co_return false;
            if (!piece)
                co_return true;
        }
    }

    /// False where not all of it was sent: then only the end of the connection can say so.
    boost::asio::awaitable<bool> send_file(const Response& response) {
        const FileBody& file = *response.file;
        std::vector<char> chunk(kStep);
        for (std::uint64_t sent = 0; sent < file.size;) {
            const auto wanted =
                static_cast<std::size_t>(std::min<std::uint64_t>(chunk.size(), file.size - sent));
            const ssize_t got =
                ::pread(file.fd.get(), chunk.data(), wanted, static_cast<off_t>(file.offset + sent));
            if (got <= 0)
                co_return false; // it was cut short meanwhile
            if (response.goes_on && !response.goes_on())
                co_return false;
            const auto size = static_cast<std::size_t>(got);
            if (!co_await send(std::string_view(chunk.data(), size)))
                co_return false;
            sent += size;
        }
        co_return true;
    }

    Stream& stream_;
    Wire& wire_;
    AnswerSpeech speech_;
    Pace pace_;
};

} // namespace sandbox::api
