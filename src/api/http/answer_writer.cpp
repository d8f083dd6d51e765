#include "api/http/answer_writer.hpp"

#include <sstream>

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/write.hpp>

namespace http = boost::beast::http;

namespace sandbox::api {
namespace {

/// Header values come from the engine too: a line break in one would forge headers.
std::string one_line(std::string text) {
    std::erase_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    return text;
}

} // namespace

std::string answer_head(const Response& response, const AnswerSpeech& speech) {
    http::response<http::empty_body> message(static_cast<http::status>(response.status), 11);
    message.set(http::field::content_type, one_line(response.content_type));
    message.set(http::field::cache_control, "no-store");
    message.set("X-Content-Type-Options", "nosniff");
    message.set("X-Request-Id", speech.id);
    for (const auto& [name, value] : response.headers)
        message.set(name, one_line(value));
    if (response.stream)
        message.chunked(speech.can_chunk);
    else if (response.status != 304)
        message.content_length(response.file ? response.file->size : response.body.size());
    message.keep_alive(speech.keep);
    std::ostringstream head;
    head << message.base();
    return head.str();
}

std::string as_chunk(const std::string& piece) {
    std::ostringstream size;
    size << std::hex << piece.size();
    return size.str() + "\r\n" + piece + "\r\n";
}

} // namespace sandbox::api
