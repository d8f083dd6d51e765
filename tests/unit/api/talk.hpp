#pragma once

#include "api/http/connection.hpp"
#include "api/http/problem.hpp"
#include "sandbox/base/error.hpp"

#include <array>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <sys/socket.h>
#include <unistd.h>

namespace sandbox::test {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace sandbox::api;
using Stream = asio::generic::stream_protocol;

inline Response text(const std::string& body) {
    return {.status = 200, .content_type = "text/plain", .body = body, .headers = {}};
}

inline asio::awaitable<Response> say(Response response) {
    co_return response;
}

/// A conversation whose other end the test holds.
class Talk {
  public:
    explicit Talk(const std::function<Response(const Request&)>& answer = {},
                  std::size_t max_body = kMaxJsonBody, const Patience& patience = {}) {
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0)
            throw_errno("socketpair");
        client_ = UniqueFd(ends[0]);
        const auto admit = [this, answer, max_body](const Request& head) -> Admitted {
            heads.push_back(head);
            if (head.path == "/refused")
                throw Error(Errc::denied, "refused by its head");
            if (head.path == "/token")
                return {.max_body = 0, .answer = {}, .refusal = http_problem(401, "Unauthorized", "d", "c")};
            return {.max_body = max_body, .answer = [this, answer](const Request& request) {
                        bodies.push_back(request.body);
                        Response response = text(request.method + " " + request.target);
                        if (request.path == "/throws")
                            throw std::runtime_error("a secret of the program");
                        return say(answer ? answer(request) : response);
                    }};
        };
        asio::co_spawn(io_,
                       converse(Stream::socket(io_, Stream(AF_UNIX, 0), ends[1]), admit, nullptr, patience),
                       [this](const std::exception_ptr& failure) {
                           over = true;
                           threw = failure != nullptr;
                       });
    }

    /// Sends all of it, while the conversation goes on; stops where the other side takes no more.
    void send(std::string_view rest) {
        while (!rest.empty() && !over) {
            const ssize_t sent = ::send(client_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
            if (sent > 0)
                rest.remove_prefix(static_cast<std::size_t>(sent));
            turn();
        }
    }
    void finish_sending() { ::shutdown(client_.get(), SHUT_WR); }
    void go_away() {
        client_.reset();
        until([&] { return over; });
    }

    void until(const std::function<bool()>& condition) {
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        while (!condition()) {
            if (std::chrono::steady_clock::now() > deadline)
                throw std::runtime_error("it did not happen in 20 s; received: " + received.substr(0, 500));
            turn();
        }
    }
    /// Waits for so many answers' heads.
    void until_answers(std::size_t count) {
        until([&] { return count_of("HTTP/1.1 ") >= count; });
    }
    /// All that comes until the other side closes its end.
    const std::string& all() {
        finish_sending();
        until([&] { return closed; });
        return received;
    }
    /// The status of the only answer, after which the conversation is over though the caller would go on.
    int last_status(std::string_view request) {
        send(request);
        until([&] { return closed; });
        CHECK(count_of("HTTP/1.1 ") == 1);
        return std::stoi(received.substr(9, 3));
    }
    std::size_t count_of(const std::string& what) const {
        std::size_t count = 0;
        for (std::size_t at = received.find(what); at != std::string::npos; at = received.find(what, at + 1))
            ++count;
        return count;
    }

    std::vector<Request> heads;
    std::vector<std::string> bodies;
    std::string received;
    bool closed = false, over = false, threw = false;
    bool reads = true; ///< takes what comes

  private:
    void turn() {
        io_.restart();
        io_.run_one_for(5ms);
        std::array<char, 65536> buffer{};
        for (;;) {
            if (!client_ || !reads)
                return;
            const ssize_t got = ::recv(client_.get(), buffer.data(), buffer.size(), 0);
            if (got <= 0) {
                closed = closed || got == 0;
                return;
            }
            received.append(buffer.data(), static_cast<std::size_t>(got));
        }
    }

    UniqueFd client_;
    asio::io_context io_;
};

inline bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

inline std::string get(const std::string& target, const std::string& headers = "") {
    return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n";
}

inline std::string post(const std::string& headers, const std::string& body) {
    return "POST / HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n" + body;
}

} // namespace sandbox::test
