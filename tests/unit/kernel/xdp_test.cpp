#include "in_child.hpp"
#include "sandbox/kernel/namespace.hpp"
#include "sandbox/kernel/netlink.hpp"
#include "sandbox/kernel/xdp.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

using namespace sandbox;
using namespace sandbox::kernel;

namespace {

constexpr std::uint16_t kPort = 50000;

sockaddr_in address_of(const char* text, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, text, &address.sin_addr);
    return address;
}

UniqueFd socket_in(const UniqueFd& netns, int type) {
    const NetnsGuard guard(netns.get());
    return UniqueFd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
}

UniqueFd listen_in(const UniqueFd& netns, const char* ip, std::uint16_t port) {
    UniqueFd socket = socket_in(netns, SOCK_STREAM);
    const sockaddr_in address = address_of(ip, port);
    REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(socket.get(), 4) == 0);
    return socket;
}

bool connects(const UniqueFd& netns, const char* ip, std::uint16_t port, std::uint16_t source_port = 0) {
    const UniqueFd socket = socket_in(netns, SOCK_STREAM | SOCK_NONBLOCK);
    const int yes = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (source_port != 0) {
        const sockaddr_in source = address_of("0.0.0.0", source_port);
        REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&source), sizeof source) == 0);
    }
    const sockaddr_in address = address_of(ip, port);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
        return true;
    pollfd entry{socket.get(), POLLOUT, 0};
    int error_number = 0;
    socklen_t size = sizeof error_number;
    // A link that has just come up takes a moment to carry, and a first segment that it lost is sent again
    // after a second.
    return ::poll(&entry, 1, 2500) == 1 &&
           ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error_number, &size) == 0 && error_number == 0;
}

struct Link {
    UniqueFd gateway = new_network_namespace(), session = new_network_namespace();
    Link() {
        Netlink far = [&] {
            const NetnsGuard guard(session.get());
            return Netlink();
        }();
        near = [&] {
            const NetnsGuard guard(gateway.get());
            return Netlink();
        }();
        far.create_veth("eth0", "cx0", gateway.get());
        far.configure_link("eth0", "198.18.0.1", 31);
        near.configure_link("cx0", "198.18.0.0", 31);
    }
    Netlink near = [] { return Netlink(); }();
};

} // namespace

TEST_CASE("a session can answer through the reply filter, and can begin nothing") {
    if (!need_root())
        return;
    Link link;
    const UniqueFd listener = listen_in(link.gateway, "198.18.0.0", 7000),
                   server = listen_in(link.session, "198.18.0.1", kPort);
    REQUIRE(connects(link.session, "198.18.0.0", 7000)); // the probe works before the filter is there
    REQUIRE(connects(link.gateway, "198.18.0.1", kPort));

    link.near.attach_xdp("cx0", load_reply_filter(kPort).get());
    CHECK(connects(link.gateway, "198.18.0.1", kPort));
    CHECK_FALSE(connects(link.session, "198.18.0.0", 7000));
    const UniqueFd other = listen_in(link.session, "198.18.0.1", 7001);
    CHECK_FALSE(connects(link.gateway, "198.18.0.1", 7001)); // no other port of the session answers
}

TEST_CASE("a session that takes the server's port as its source still begins nothing") {
    if (!need_root())
        return;
    Link link;
    const UniqueFd listener = listen_in(link.gateway, "198.18.0.0", 7000);
    REQUIRE(connects(link.session, "198.18.0.0", 7000, kPort));
    link.near.attach_xdp("cx0", load_reply_filter(kPort).get());
    CHECK_FALSE(connects(link.session, "198.18.0.0", 7000, kPort));
}

TEST_CASE("datagrams of a session do not arrive") {
    if (!need_root())
        return;
    Link link;
    const UniqueFd receiver = socket_in(link.gateway, SOCK_DGRAM),
                   sender = socket_in(link.session, SOCK_DGRAM);
    const sockaddr_in near = address_of("198.18.0.0", 7000);
    REQUIRE(::bind(receiver.get(), reinterpret_cast<const sockaddr*>(&near), sizeof near) == 0);
    const auto arrives = [&] {
        pollfd entry{receiver.get(), POLLIN, 0};
        char byte = 0;
        for (int i = 0; i < 25; ++i) {
            ::sendto(sender.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&near), sizeof near);
            if (::poll(&entry, 1, 100) == 1) {
                while (::recv(receiver.get(), &byte, 1, MSG_DONTWAIT) == 1) {
                }
                return true;
            }
        }
        return false;
    };
    REQUIRE(arrives());
    link.near.attach_xdp("cx0", load_reply_filter(kPort).get());
    CHECK_FALSE(arrives());
}

TEST_CASE("the reply filter lets everything pass on lo") {
    if (!need_root())
        return;
    const UniqueFd netns = new_network_namespace();
    Netlink link = [&] {
        const NetnsGuard guard(netns.get());
        return Netlink();
    }();
    link.set_up("lo");
    link.attach_xdp("lo", load_reply_filter(kPort).get());
    const UniqueFd listener = listen_in(netns, "127.0.0.1", 7000);
    CHECK(connects(netns, "127.0.0.1", 7000));
}
