#include "api/transport/stream.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/unique_fd.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string_view>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <catch2/catch.hpp>
#include <sys/socket.h>

namespace asio = boost::asio;
using namespace sandbox;
using namespace sandbox::api;
using namespace std::chrono_literals;

namespace {

struct Ends {
    Ends() {
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0);
        other = UniqueFd(ends[0]);
        wire.socket().assign(asio::generic::stream_protocol(AF_UNIX, 0), ends[1]);
    }
    asio::io_context io;
    Wire wire{io};
    UniqueFd other;
};

} // namespace

TEST_CASE("the other end is gone when it closes its socket, and what is unread does not hide that") {
    Ends ends;
    CHECK_FALSE(is_gone(ends.wire));
    REQUIRE(::send(ends.other.get(), "unread", 6, MSG_NOSIGNAL) == 6);
    CHECK_FALSE(is_gone(ends.wire));
    ::shutdown(ends.other.get(), SHUT_WR);
    CHECK_FALSE(is_gone(ends.wire)); // it still takes its answer
    ends.other.reset();
    CHECK(is_gone(ends.wire));
}

/// The server's end of a TCP connection, of which it is watched whether the other end has gone.
struct Watched {
    Watched() {
        other.connect(acceptor.local_endpoint());
        wire.emplace(asio::generic::stream_protocol::socket(acceptor.accept()));
        hang_up = std::make_shared<HangUp>(*wire, true);
        client->on_gone([this] { gone = true; });
        asio::co_spawn(io, HangUp::watch(hang_up, client), asio::detached);
    }
    asio::io_context io;
    asio::ip::tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
    asio::ip::tcp::socket other{io};
    std::optional<Wire> wire;
    bool gone = false;
    std::shared_ptr<HangUp> hang_up;
    const std::shared_ptr<Client> client = std::make_shared<Client>([] {});
};

TEST_CASE("over TCP, who closes its sending side waits for its answer, and who closes its socket does not") {
    Watched tcp;
    tcp.other.shutdown(asio::socket_base::shutdown_send);
    tcp.io.run_for(50ms);
    CHECK_FALSE(tcp.gone);
    std::array<char, 100> interim{};
    CHECK(std::string_view(interim.data(), tcp.other.receive(asio::buffer(interim)))
              .starts_with("HTTP/1.1 100 "));
    tcp.other.close();
    SECTION("it is seen once something else is sent") {
        REQUIRE(::send(tcp.wire->socket().native_handle(), "x", 1, MSG_NOSIGNAL) == 1);
        tcp.io.run_for(20s);
        CHECK(tcp.gone);
    }
    tcp.hang_up->cancel();
    tcp.io.restart();
    tcp.io.run_for(20s);
}

TEST_CASE("over TCP, a closed socket is seen at once") {
    Watched tcp;
    tcp.other.close();
    tcp.io.run_for(20s);
    CHECK(tcp.gone);
}

TEST_CASE("who watches is told of the end alone, and not once it is cancelled") {
    Ends ends;
    bool gone = false, over = false;
    const auto hang_up = std::make_shared<HangUp>(ends.wire, true);
    const auto client = std::make_shared<Client>([] {});
    client->on_gone([&] { gone = true; });
    asio::co_spawn(ends.io, HangUp::watch(hang_up, client), [&](const std::exception_ptr&) { over = true; });
    ends.io.run_for(20ms);
    REQUIRE(::send(ends.other.get(), "more", 4, MSG_NOSIGNAL) == 4);
    ::shutdown(ends.other.get(), SHUT_WR);
    ends.io.restart();
    ends.io.run_for(20ms);
    CHECK_FALSE(over);
    SECTION("it goes") {
        ends.other.reset();
        ends.io.restart();
        ends.io.run_for(20s);
        CHECK(gone);
    }
    SECTION("it is answered before") {
        client->answered();
        hang_up->cancel();
        ends.io.restart();
        ends.io.run_for(20s);
        CHECK_FALSE(gone);
    }
    CHECK(over);
}
