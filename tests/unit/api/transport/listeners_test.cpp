#include "api/transport/listeners.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/listening.hpp"

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

TEST_CASE("only sockets of loopback and unix sockets are out of others' reach") {
    CHECK_FALSE(is_beyond_loopback(bound_to("127.0.0.1:0").get()));
    CHECK(is_beyond_loopback(bound_to("0.0.0.0:0").get()));
    CHECK(is_beyond_loopback(bound_to("127.0.0.2:0").get()));
    CHECK_FALSE(is_beyond_loopback(UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)).get()));
    CHECK_THROWS_AS(is_beyond_loopback(-1), Error);
}
