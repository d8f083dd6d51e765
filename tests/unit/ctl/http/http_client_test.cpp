#include "ctl/http/http_client.hpp"
#include "loopback_api.hpp"
#include "sandbox/base/error.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::ctl;
using namespace std::chrono_literals;

namespace {

Errc code_of(const Host& host, Duration timeout = 10s) {
    try {
        exchange(host, {.method = "GET", .target = "/", .token = {}, .body = {}}, timeout);
    } catch (const Error& error) {
        return error.code();
    }
    FAIL("it succeeded, but must not");
    return Errc::internal;
}

} // namespace

TEST_CASE("hosts are unix sockets or http addresses, and nothing else") {
    CHECK(parse_host("unix:///run/x.sock") == Host{"/run/x.sock", "", 0});
    CHECK(parse_host("http://127.0.0.1:99") == Host{"", "127.0.0.1", 99});
    CHECK(parse_host("http://localhost/") == Host{"", "localhost", 8600});
    CHECK(parse_host("https://sandbox.example.org/") == Host{"", "sandbox.example.org", 8600, true});
    CHECK(parse_host("http://[::1]:99") == Host{"", "::1", 99});
    CHECK(parse_host("https://[2001:db8::1]/") == Host{"", "2001:db8::1", 8600, true});
    CHECK(to_text(parse_host("https://a:443")) == "https://a:443");
    CHECK(to_text(parse_host("http://[::1]")) == "http://[::1]:8600");
    for (const char* bad : {"",
                            "unix://",
                            "unix://x",
                            "https://",
                            "ftp://a",
                            "http://",
                            "http://:80",
                            "http://a:0",
                            "http://a:65536",
                            "http://a:8x",
                            "http://a/b",
                            "http://u@a",
                            "127.0.0.1:8600",
                            "http://::1",
                            "http://[::1",
                            "http://[::1]8600",
                            "http://[a]:80",
                            "http://[127.0.0.1]",
                            "http://[fe80::1%lo]",
                            "http://a:80:80",
                            "http://[]"})
        CHECK_THROWS_AS(parse_host(bad), Error);
    CHECK_THROWS_AS(parse_host("unix:///" + std::string(120, 'x')), Error);
}

TEST_CASE("a request goes out whole, with its token, and the answer comes back") {
    test::LoopbackApi api([](const std::string&) {
        return "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    });
    const HttpReply reply = exchange(
        api.host(), {.method = "POST", .target = "/v1/x?y=1", .token = "secret", .body = "{\"a\":1}"}, 10s);
    CHECK(reply.status == 201);
    CHECK(reply.content_type == "application/json");
    CHECK(reply.body == "{}");
    const std::string asked = api.requests().at(0);
    CHECK(asked.starts_with("POST /v1/x?y=1 HTTP/1.1\r\n"));
    CHECK(asked.find("Authorization: Bearer secret\r\n") != std::string::npos);
    CHECK(asked.find("Host: localhost\r\n") != std::string::npos);
    CHECK(asked.ends_with("\r\n\r\n{\"a\":1}"));
}

TEST_CASE("nobody at the socket is unavailable, and says so") {
    CHECK(code_of(parse_host("unix:///nonexistent/api.sock")) == Errc::unavailable);
}

TEST_CASE("a server that never answers is a time-out") {
    test::LoopbackApi api([](const std::string&) { return std::string(); });
    CHECK(code_of(api.host(), 100ms) == Errc::timed_out);
}

TEST_CASE("an answer that is cut, or no HTTP, is unavailable") {
    test::LoopbackApi cut([](const std::string&) { return "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"; },
                          test::Afterwards::close);
    CHECK(code_of(cut.host()) == Errc::unavailable);
    test::LoopbackApi noise([](const std::string&) { return "hello\r\n\r\n"; }, test::Afterwards::close);
    CHECK(code_of(noise.host()) == Errc::unavailable);
}
