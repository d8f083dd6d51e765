#include "sandbox/api/listeners.hpp"
#include "sandbox/base/error.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::api;

TEST_CASE("loopback is 127.0.0.1, localhost or [::1], each with a port") {
    CHECK(parse_loopback("127.0.0.1:8600").port == 8600);
    CHECK_FALSE(parse_loopback("127.0.0.1:8600").six);
    CHECK_FALSE(parse_loopback("localhost:1").six);
    CHECK(parse_loopback("[::1]:65535").six);
    CHECK(parse_loopback("[::1]:65535").port == 65535);
}

TEST_CASE("an address that others reach, or without a port, is refused and the field named") {
    for (const char* text :
         {"", ":8600", "0.0.0.0:8600", "127.0.0.2:8600", "[::]:8600", "::1:8600", "example.org:80",
          "127.0.0.1", "localhost", "[::1]", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:80x", "127.0.0.1: 80",
          "127.0.0.1:-1", "127.0.0.1:65536", "127.0.0.1:8600:1"}) {
        INFO(text);
        try {
            parse_loopback(text);
            FAIL_CHECK("it was taken");
        } catch (const Error& error) {
            CHECK(error.code() == Errc::invalid_argument);
            CHECK(error.field() == "listen_tcp");
        }
    }
}
