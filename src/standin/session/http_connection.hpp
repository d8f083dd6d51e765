#pragma once

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace standin::http {

/// The peer went away, or a send or receive failed: Python's OSError. The text is Python's.
struct ConnectionError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// One accepted connection, read as Python's handler reads it: without any deadline.
class Connection {
  public:
    explicit Connection(int fd) : fd_(fd) {}
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    /// A line with its end; at most `limit` bytes, then what there is. Empty at the end of the stream.
    std::string read_line(std::size_t limit);
    /// `count` bytes, fewer at the end of the stream.
    std::string read_exactly(std::size_t count);
    /// Reads on until the text holds `mark`, or the stream ends.
    std::string read_until(std::string_view mark);
    void send(std::string_view data);
    /// Leaves it open for as long as the process lives.
    void leak() { leaked_ = true; }

  private:
    bool fill();

    int fd_;
    std::string buffer_;
    bool leaked_ = false;
};

struct Request {
    std::string method;
    std::string target;
    std::map<std::string, std::string> headers; ///< names in lower case
};

/// Why a request could not be read. `log` is the message without the code.
struct BadRequest {
    int status;
    std::string message;
    bool with_head = true;
};

/// Reads request line and headers. Gives nothing when the peer closed without a byte. Throws BadRequest.
std::optional<Request> read_request(Connection& connection);

} // namespace standin::http
