#include "loopback_server.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/chimerax/rest_client.hpp"

#include <chrono>
#include <exception>
#include <future>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using sandbox::Errc;
using sandbox::Error;
namespace chimerax = sandbox::chimerax;
namespace asio = boost::asio;

namespace {

constexpr std::string_view kOk = "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n";

chimerax::RestReply ask(std::uint16_t port, chimerax::RestRequest request, chimerax::RestLimits limits) {
    asio::io_context context;
    std::optional<chimerax::RestReply> reply;
    std::exception_ptr failure;
    asio::co_spawn(context,
                   chimerax::request({asio::ip::address_v4::loopback(), port}, std::move(request), limits),
                   [&](const std::exception_ptr& error, chimerax::RestReply value) {
                       failure = error;
                       reply = std::move(value);
                   });
    context.run();
    if (failure)
        std::rethrow_exception(failure);
    return *reply;
}

chimerax::RestReply ask(std::uint16_t port, chimerax::RestLimits limits = {5s, sandbox::Bytes{1000}}) {
    return ask(port, {"GET", "/run?command=version", {}, {}}, limits);
}

/// The Error of one request to a server that follows this script.
Error failure_of(LoopbackServer::Script script, chimerax::RestLimits limits = {5s, sandbox::Bytes{1000}}) {
    const LoopbackServer server(std::move(script));
    try {
        ask(server.port(), limits);
    } catch (const Error& error) {
        CHECK(error.state_may_have_changed()); // it was sent
        return error;
    }
    FAIL("the request succeeded");
    throw std::logic_error("unreachable");
}

LoopbackServer::Script answer(std::string text) {
    return [text = std::move(text)](int fd) {
        read_request(fd);
        send_text(fd, text);
    };
}

bool says(const Error& error, std::string_view part) {
    INFO(error.what());
    return std::string_view(error.what()).find(part) != std::string_view::npos;
}

} // namespace

TEST_CASE("a whole answer is given with its status, type and body") {
    const LoopbackServer server(answer(std::string(kOk) + "Content-Length: 2\r\n\r\n{}"));
    const chimerax::RestReply reply = ask(server.port());
    CHECK(reply.status == 200);
    CHECK(reply.content_type == "application/json");
    CHECK(reply.body == "{}");
}

TEST_CASE("an answer of another status is an answer, not an error") {
    const LoopbackServer server(answer("HTTP/1.0 404 Not Found\r\nContent-Length: 4\r\n\r\ngone"));
    CHECK(ask(server.port()).status == 404);
}

TEST_CASE("a GET goes out at once, as HTTP/1.0, without chunks, Expect or a body") {
    std::string seen;
    {
        const LoopbackServer server([&](int fd) {
            seen = read_request(fd);
            send_text(fd, std::string(kOk) + "Content-Length: 0\r\n\r\n");
        });
        ask(server.port());
    }
    CHECK(seen.starts_with("GET /run?command=version HTTP/1.0\r\nHost: 127.0.0.1:"));
    CHECK(seen.find("Transfer-Encoding") == std::string::npos);
    CHECK(seen.find("Expect") == std::string::npos);
    CHECK(seen.find("Content-Length") == std::string::npos);
}

TEST_CASE("a POST carries its type, length and body") {
    const std::string body = "--b\r\n\r\nversion\r\n--b--\r\n";
    std::string seen;
    {
        const LoopbackServer server([&](int fd) {
            seen = read_request(fd, body.size());
            send_text(fd, std::string(kOk) + "Content-Length: 0\r\n\r\n");
        });
        ask(server.port(), {"POST", "/run", "multipart/form-data; boundary=b", body},
            {5s, sandbox::Bytes{1000}});
    }
    CHECK(seen.find("\r\nContent-Type: multipart/form-data; boundary=b\r\n") != std::string::npos);
    CHECK(seen.find("\r\nContent-Length: " + std::to_string(body.size()) + "\r\n") != std::string::npos);
    CHECK(seen.ends_with("\r\n\r\n" + body));
}

TEST_CASE("an answer without a length ends where the server closes") {
    const LoopbackServer server(answer(std::string(kOk) + "\r\n{\"a\": 1}"));
    CHECK(ask(server.port()).body == "{\"a\": 1}");
}

TEST_CASE("an answer in single bytes is put together") {
    const LoopbackServer server([](int fd) {
        read_request(fd);
        for (const char c : std::string(kOk) + "Content-Length: 10\r\n\r\n0123456789")
            send_text(fd, std::string_view(&c, 1));
    });
    CHECK(ask(server.port()).body == "0123456789");
}

TEST_CASE("an answer that is only a header is an answer without a body") {
    const LoopbackServer server(answer(std::string(kOk) + "Content-Length: 0\r\n\r\n"));
    CHECK(ask(server.port()).body.empty());
}

TEST_CASE("an answer of known length is taken though the server never closes") {
    // As `remotecontrol rest stop` over REST does.
    const LoopbackServer server([](int fd) {
        read_request(fd);
        send_text(fd, std::string(kOk) + "Content-Length: 2\r\n\r\n{}");
        wait_for_peer_to_close(fd);
    });
    CHECK(ask(server.port()).body == "{}");
}

TEST_CASE("an answer of exactly the limit is taken, of one byte more is not") {
    const LoopbackServer server(answer(std::string(kOk) + "\r\n" + std::string(1000, 'x')));
    CHECK(ask(server.port()).body.size() == 1000);
    const Error error = failure_of(answer(std::string(kOk) + "\r\n" + std::string(1001, 'x')));
    CHECK(error.code() == Errc::engine);
    CHECK(says(error, "more than"));
}

TEST_CASE("an early answer to a request that is too long reaches the caller") {
    const LoopbackServer server([](int fd) {
        std::string some(1000, ' ');
        ::recv(fd, some.data(), some.size(), 0);
        send_text(fd, "HTTP/1.0 414 Request-URI Too Long\r\nContent-Length: 0\r\n\r\n");
        wait_for_peer_to_close(fd);
    });
    const chimerax::RestReply reply =
        ask(server.port(), {"GET", "/run?command=" + std::string(60000, 'x'), {}, {}},
            {5s, sandbox::Bytes{1000}});
    CHECK(reply.status == 414);
}

TEST_CASE("E24: an answer that never ends is cut off at the limit") {
    const Error error = failure_of([](int fd) {
        read_request(fd);
        send_text(fd, std::string(kOk) + "\r\n");
        while (send_text(fd, std::string(4096, '0'))) {
        }
    });
    CHECK(error.code() == Errc::engine);
    CHECK(says(error, "more than"));
    CHECK(says(error, "may have run"));
}

TEST_CASE("E24: an answer that claims 4 GB is refused by its header alone") {
    const Error error = failure_of([](int fd) {
        read_request(fd);
        send_text(fd, std::string(kOk) + "Content-Length: 4294967296\r\n\r\n");
        wait_for_peer_to_close(fd); // not a byte of the body was sent, and the client left
    });
    CHECK(error.code() == Errc::engine);
    CHECK(says(error, "more than"));
}

TEST_CASE("E24: lengths that are negative, no number, or contradict each other are refused") {
    for (const std::string_view length :
         {"Content-Length: -1\r\n", "Content-Length: 2x\r\n", "Content-Length: 99999999999999999999999\r\n",
          "Content-Length: 2\r\nContent-Length: 3\r\n"}) {
        INFO(length);
        CHECK(failure_of(answer(std::string(kOk) + std::string(length) + "\r\n{}")).code() == Errc::engine);
    }
}

TEST_CASE("E24: an answer shorter than its length is cut off, not a success") {
    const Error error = failure_of(answer(std::string(kOk) + "Content-Length: 100\r\n\r\n{}"));
    CHECK(error.code() == Errc::engine);
    CHECK(says(error, "cut off"));
}

TEST_CASE("E24: an answer longer than its length is malformed") {
    const Error error = failure_of(answer(std::string(kOk) + "Content-Length: 2\r\n\r\n{}, and more"));
    CHECK(error.code() == Errc::engine);
    CHECK(says(error, "more than its Content-Length"));
}

TEST_CASE("E24: an answer that ends in its header is cut off") {
    const Error error = failure_of(answer(std::string(kOk) + "Content-Le"));
    CHECK(error.code() == Errc::engine);
    CHECK(says(error, "cut off"));
}

TEST_CASE("E24: a connection that closes without a byte is an engine that died") {
    const Error error = failure_of([](int fd) { read_request(fd); });
    CHECK(error.code() == Errc::engine);
    CHECK(says(error, "without an answer"));
}

TEST_CASE("E24: a connection that is reset is an engine that died") {
    const Error error = failure_of([](int fd) {
        read_request(fd);
        const linger now{1, 0};
        ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    });
    CHECK(error.code() == Errc::engine);
    CHECK(says(error, "without an answer"));
}

TEST_CASE("E24: a header that never ends is bounded") {
    std::size_t sent = 0;
    const Error error = failure_of([&](int fd) {
        read_request(fd);
        send_text(fd, kOk);
        while (send_text(fd, "X-More: " + std::string(1000, 'x') + "\r\n"))
            sent += 1010;
    });
    CHECK(error.code() == Errc::engine);
    CHECK(says(error, "header does not end"));
}

TEST_CASE("E24: what is not HTTP is refused") {
    for (const std::string_view text :
         {"SSH-2.0-OpenSSH_9.2\r\n", "{\"json values\": []}", "HTTP/1.0 2x0 OK\r\n\r\n",
          "HTTP/9.9 200 OK\r\n\r\n", "\r\n\r\n\r\n", "HTTP/1.0 200 OK\r\nno colon\r\n\r\n"}) {
        INFO(text);
        const Error error = failure_of(answer(std::string(text)));
        CHECK(error.code() == Errc::engine);
    }
}

TEST_CASE("E24: binary noise is refused") {
    std::string noise;
    for (int i = 0; i < 100'000; ++i)
        noise += static_cast<char>((i * 7919) >> 3);
    CHECK(failure_of(answer(noise)).code() == Errc::engine);
}

TEST_CASE("E24: chunks, which HTTP/1.0 does not have, are refused") {
    const Error error =
        failure_of(answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"));
    CHECK(error.code() == Errc::engine);
    CHECK(says(error, "chunks"));
}

TEST_CASE("E24: a provisional answer is refused") {
    const Error error = failure_of(answer("HTTP/1.1 100 Continue\r\n\r\n"));
    CHECK(error.code() == Errc::engine);
}

TEST_CASE("E24: a server that accepts and says nothing is left at the deadline") {
    const auto before = std::chrono::steady_clock::now();
    const Error error = failure_of(wait_for_peer_to_close, {200ms, sandbox::Bytes{1000}});
    const auto took = std::chrono::steady_clock::now() - before;
    CHECK(error.code() == Errc::timed_out);
    CHECK(says(error, "200ms"));
    CHECK(took >= 190ms);
    CHECK(took < 3s);
}

TEST_CASE("E24: the deadline is for the whole answer: single bytes do not move it") {
    const auto before = std::chrono::steady_clock::now();
    const Error error = failure_of(
        [](int fd) {
            read_request(fd);
            send_text(fd, std::string(kOk) + "\r\n");
            pollfd poll{fd, POLLIN, 0};
            while (::poll(&poll, 1, 20) == 0 && send_text(fd, "x")) {
            }
        },
        {300ms, sandbox::Bytes{1000}});
    CHECK(error.code() == Errc::timed_out);
    CHECK(says(error, "did not end"));
    CHECK(std::chrono::steady_clock::now() - before < 3s);
}

TEST_CASE("E24: a server that does not read a large request is left at the deadline") {
    std::promise<void> left;
    const LoopbackServer server([&](int) { left.get_future().wait(); });
    try {
        ask(server.port(), {"POST", "/run", "text/plain", std::string(64 << 20, 'x')},
            {300ms, sandbox::Bytes{1000}});
        FAIL("the request succeeded");
    } catch (const Error& error) {
        CHECK(error.code() == Errc::timed_out);
        CHECK(says(error, "did not read"));
    }
    left.set_value();
}

TEST_CASE("a port where nothing listens is unavailable") {
    std::uint16_t port = 0;
    {
        const LoopbackServer server([](int) {});
        port = server.port();
    }
    try {
        ask(port);
        FAIL("the request succeeded");
    } catch (const Error& error) {
        CHECK(error.code() == Errc::unavailable);
        CHECK(says(error, std::to_string(port)));
    }
}

TEST_CASE("a request that could smuggle a header or a second request never leaves") {
    const auto code_of = [](chimerax::RestRequest request) {
        bool connected = false;
        Errc code = Errc::internal;
        {
            const LoopbackServer server([&](int) { connected = true; });
            try {
                ask(server.port(), std::move(request), {1s, sandbox::Bytes{1000}});
            } catch (const Error& error) {
                code = error.code();
            }
        }
        CHECK_FALSE(connected);
        return code;
    };
    CHECK(code_of({"GET", "/run HTTP/1.0\r\nX: y", {}, {}}) == Errc::invalid_argument);
    CHECK(code_of({"GET", "/a b", {}, {}}) == Errc::invalid_argument);
    CHECK(code_of({"GET", "run", {}, {}}) == Errc::invalid_argument);
    CHECK(code_of({"GET", "", {}, {}}) == Errc::invalid_argument);
    CHECK(code_of({"GET", std::string("/\0", 2), {}, {}}) == Errc::invalid_argument);
    CHECK(code_of({"DELETE", "/run", {}, {}}) == Errc::invalid_argument);
    CHECK(code_of({"POST", "/run", "text/plain\r\nX: y", "body"}) == Errc::invalid_argument);
}
