#include "sandbox/api/listeners.hpp"
#include "sandbox/base/error.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::api;

namespace {

UniqueFd bound_to(const std::string& text) {
    const ListenAddress address = parse_listen_address(text);
    UniqueFd socket(::socket(address.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address.address), address.size) == 0);
    return socket;
}

} // namespace

TEST_CASE("a listener's address is one of IPv4 or IPv6 with a port") {
    CHECK(parse_listen_address("127.0.0.1:8600").address.ss_family == AF_INET);
    CHECK(parse_listen_address("0.0.0.0:1").address.ss_family == AF_INET);
    CHECK(parse_listen_address("[::1]:65535").address.ss_family == AF_INET6);
    for (const char* text :
         {"", ":8600", "::1:8600", "example.org:80", "127.0.0.1", "localhost", "localhost:1", "[::1]",
          "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:80x", "127.0.0.1: 80", "127.0.0.1:-1", "127.0.0.1:65536",
          "127.0.0.1:8600:1", "999.0.0.1:1", "[]:1", "[1.2.3.4]:1"}) {
        INFO(text);
        try {
            parse_listen_address(text);
            FAIL_CHECK("it was taken");
        } catch (const Error& error) {
            CHECK(error.code() == Errc::invalid_argument);
            CHECK(error.field() == "listen_tcp");
        }
    }
}

TEST_CASE("only sockets of loopback and unix sockets are out of others' reach") {
    CHECK_FALSE(is_beyond_loopback(bound_to("127.0.0.1:0").get()));
    CHECK(is_beyond_loopback(bound_to("0.0.0.0:0").get()));
    CHECK(is_beyond_loopback(bound_to("127.0.0.2:0").get()));
    CHECK_FALSE(is_beyond_loopback(UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)).get()));
    CHECK_THROWS_AS(is_beyond_loopback(-1), Error);
}
