#include "standin/session/http_connection.hpp"

#include "standin/base/text.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

namespace standin::http {
namespace {

constexpr std::size_t kMaxLine = 65536;
constexpr std::size_t kMaxHeaders = 100;
constexpr std::size_t kMaxBody = std::size_t{256} << 20;

[[noreturn]] void fail() {
    const char* name = errno == EPIPE        ? "BrokenPipeError"
                       : errno == ECONNRESET ? "ConnectionResetError"
                                             : "OSError";
    throw ConnectionError(std::string(name) + ": [Errno " + std::to_string(errno) + "] " +
                          std::strerror(errno));
}

// `HTTP/1.0`, `HTTP/1.1`: what Python takes for one.
bool is_version(std::string_view word) {
    if (!word.starts_with("HTTP/"))
        return false;
    const std::string_view number = word.substr(5);
    const std::size_t dot = number.find('.');
    return dot != std::string_view::npos && dot > 0 && dot + 1 < number.size() &&
           number.find_first_not_of("0123456789.") == std::string_view::npos &&
           number.find('.', dot + 1) == std::string_view::npos;
}

Request parse_request_line(std::string_view line) {
    const std::string text(trim(line));
    const std::vector<std::string> words = split_words(text);
    const auto bad = [](const std::string& message) { return BadRequest{400, message, false}; };
    if (words.size() >= 3) {
        if (!is_version(words.back()))
            throw bad("Bad request version ('" + words.back() + "')");
        if (words.back() >= "HTTP/2")
            throw BadRequest{505, "Invalid HTTP version (" + words.back().substr(5) + ")", false};
    }
    if (words.size() < 2 || words.size() > 3)
        throw bad("Bad request syntax ('" + text + "')");
    if (words.size() == 2 && words.front() != "GET")
        throw bad("Bad HTTP/0.9 request type ('" + words.front() + "')");
    Request request{words[0], words[1], {}};
    // Python does so since an open redirect was found in it (bpo-43223).
    if (request.target.starts_with("//"))
        request.target.erase(0, request.target.find_first_not_of('/') - 1);
    return request;
}

} // namespace

Connection::~Connection() {
    if (leaked_)
        return;
    ::shutdown(fd_, SHUT_WR);
    ::close(fd_);
}

bool Connection::fill() {
    std::array<char, 16384> chunk;
    for (;;) {
        const ssize_t count = ::recv(fd_, chunk.data(), chunk.size(), 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            fail();
        buffer_.append(chunk.data(), static_cast<std::size_t>(count));
        return count > 0;
    }
}

std::string Connection::read_line(std::size_t limit) {
    std::size_t searched = 0;
    for (;;) {
        const std::size_t end = buffer_.find('\n', searched);
        if (end < limit || buffer_.size() >= limit)
            return read_exactly(std::min(end == std::string::npos ? limit : end + 1, limit));
        searched = buffer_.size();
        if (!fill())
            return read_exactly(buffer_.size());
    }
}

std::string Connection::read_exactly(std::size_t count) {
    while (buffer_.size() < count && fill()) {
    }
    std::string result = buffer_.substr(0, count);
    buffer_.erase(0, result.size());
    return result;
}

std::string Connection::read_until(std::string_view mark) {
    while (buffer_.find(mark) == std::string::npos && buffer_.size() < kMaxBody && fill()) {
    }
    return std::exchange(buffer_, {});
}

void Connection::send(std::string_view data) {
    while (!data.empty()) {
        const ssize_t count = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            fail();
        data.remove_prefix(static_cast<std::size_t>(count));
    }
}

std::optional<Request> read_request(Connection& connection) {
    const std::string line = connection.read_line(kMaxLine + 1);
    if (line.size() > kMaxLine)
        throw BadRequest{414, {}};
    if (line.empty())
        return std::nullopt;
    if (trim(line).empty())
        return std::nullopt;
    Request request = parse_request_line(line);
    for (std::size_t count = 0;; ++count) {
        const std::string header = connection.read_line(kMaxLine + 1);
        if (header.size() > kMaxLine)
            throw BadRequest{431, "Line too long"};
        if (trim(header).empty())
            return request;
        if (count == kMaxHeaders)
            throw BadRequest{431, "Too many headers"};
        if (const std::size_t colon = header.find(':'); colon != std::string::npos)
            request.headers[lower(trim(std::string_view(header).substr(0, colon)))] =
                trim(std::string_view(header).substr(colon + 1));
    }
}

} // namespace standin::http
