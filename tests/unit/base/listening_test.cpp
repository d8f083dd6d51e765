#include "sandbox/base/error.hpp"
#include "sandbox/base/listening.hpp"

#include <cerrno>
#include <filesystem>
#include <functional>

#include <catch2/catch.hpp>
#include <netinet/in.h>

using namespace sandbox;

namespace {

std::string cure_of(const std::function<void()>& listen) {
    try {
        listen();
    } catch (const Error& error) {
        return error.cure();
    }
    return "it listens";
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

TEST_CASE("an address that is taken, and one that is nobody's, have each a cure of its own") {
    const UniqueFd first = listen_tcp("127.0.0.1:0");
    ListenAddress address;
    address.size = sizeof address.address;
    REQUIRE(::getsockname(first.get(), reinterpret_cast<sockaddr*>(&address.address), &address.size) == 0);
    const int port = ntohs(reinterpret_cast<const sockaddr_in*>(&address.address)->sin_port);
    CHECK_THAT(cure_of([&] { listen_tcp("127.0.0.1:" + std::to_string(port)); }),
               Catch::Contains("ss -ltnp"));
    CHECK_THAT(cure_of([] { listen_tcp("192.0.2.1:8600"); }), Catch::Contains("no such address"));
}

TEST_CASE("the cure of a socket that cannot listen goes by the errno, and there is none for others") {
    CHECK_THAT(listening_cure(EAFNOSUPPORT, AF_INET6), Catch::Contains("no IPv6"));
    CHECK_THAT(listening_cure(EADDRNOTAVAIL, AF_INET6), Catch::Contains("disable_ipv6"));
    CHECK_THAT(listening_cure(EACCES, AF_INET), Catch::Contains("ip_unprivileged_port_start"));
    CHECK(listening_cure(ENOMEM, AF_INET).empty());
    CHECK(listening_cure(ENOBUFS, AF_UNIX).empty());
}

TEST_CASE("a socket's folder that is not there is told of as such") {
    CHECK_THAT(cure_of([] { listen_unix("/nonexistent/api.sock"); }), Catch::Contains("Make the folder"));
    CHECK_THAT(cure_of([] { listen_unix(std::string(200, 'x')); }), Catch::Contains("shorter"));
}
