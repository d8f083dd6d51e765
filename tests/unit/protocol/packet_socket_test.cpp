#include "sandbox/base/error.hpp"
#include "sandbox/protocol/message.hpp"
#include "sandbox/protocol/packet_socket.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace sandbox;
using namespace sandbox::protocol;

namespace {

struct Pair {
    explicit Pair(int flags = 0) {
        std::array<int, 2> fds{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0, fds.data()) == 0);
        left = UniqueFd(fds[0]);
        right = UniqueFd(fds[1]);
    }
    UniqueFd left, right;
};

std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
        ++count;
    return count;
}

/// Sends past the limits of send_packet, as a hostile peer would.
void send_raw(int socket, std::size_t bytes, std::size_t descriptors) {
    std::string text(bytes, 'x');
    std::vector<int> fds(descriptors, socket);
    std::vector<char> control(CMSG_SPACE(fds.size() * sizeof(int)));
    iovec part{text.data(), text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!fds.empty()) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
        std::copy_n(reinterpret_cast<const unsigned char*>(fds.data()), fds.size() * sizeof(int),
                    CMSG_DATA(header));
    }
    REQUIRE(::sendmsg(socket, &message, 0) == static_cast<ssize_t>(bytes));
}

Errc error_of_receive(int socket) {
    try {
        receive_packet(socket);
    } catch (const Error& error) {
        return error.code();
    }
    FAIL("the packet was taken");
    return Errc::internal;
}

} // namespace

TEST_CASE("packets keep their borders and their order") {
    const Pair pair;
    REQUIRE(send_packet(pair.left.get(), "one"));
    REQUIRE(send_packet(pair.left.get(), "two"));
    CHECK(receive_packet(pair.right.get()).text == "one");
    CHECK(receive_packet(pair.right.get()).text == "two");
}

TEST_CASE("a packet of exactly 128 KiB arrives whole") {
    const Pair pair;
    REQUIRE(send_packet(pair.left.get(), std::string(kMaxPacket, 'y')));
    CHECK(receive_packet(pair.right.get()).text == std::string(kMaxPacket, 'y'));
}

TEST_CASE("eight descriptors arrive, in order, open and close-on-exec") {
    const Pair pair;
    std::vector<UniqueFd> events;
    std::vector<int> numbers;
    for (unsigned i = 0; i < kMaxDescriptors; ++i) {
        events.emplace_back(::eventfd(i + 1, 0)); // not close-on-exec here
        numbers.push_back(events.back().get());
    }
    REQUIRE(send_packet(pair.left.get(), "fds", numbers));
    const Received received = receive_packet(pair.right.get());
    REQUIRE(received.descriptors.size() == kMaxDescriptors);
    for (std::size_t i = 0; i < kMaxDescriptors; ++i) {
        const int fd = received.descriptors[i].get();
        CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
        std::uint64_t value = 0;
        REQUIRE(::read(fd, &value, sizeof value) == sizeof value);
        CHECK(value == i + 1);
    }
}

TEST_CASE("a packet with too many descriptors is refused and none of them stays open") {
    const Pair pair;
    const std::size_t before = open_descriptors();
    send_raw(pair.left.get(), 3, kMaxDescriptors + 1);
    CHECK(error_of_receive(pair.right.get()) == Errc::invalid_argument);
    CHECK(open_descriptors() == before);
}

TEST_CASE("a packet over the limit is refused and its descriptors are closed") {
    const Pair pair;
    const std::size_t before = open_descriptors();
    send_raw(pair.left.get(), kMaxPacket + 1, 2);
    CHECK(error_of_receive(pair.right.get()) == Errc::invalid_argument);
    CHECK(open_descriptors() == before);
}

TEST_CASE("what would be over a limit is not sent") {
    const Pair pair;
    CHECK_THROWS_AS(send_packet(pair.left.get(), std::string(kMaxPacket + 1, 'x')), Error);
    CHECK_THROWS_AS(send_packet(pair.left.get(), ""), Error);
    const std::vector<int> many(kMaxDescriptors + 1, pair.left.get());
    CHECK_THROWS_AS(send_packet(pair.left.get(), "x", many), Error);
}

TEST_CASE("a closed peer is an empty packet to the reader and unavailable to the writer") {
    Pair pair;
    SECTION("closed in order") {}
    SECTION("closed with something unread") {
        REQUIRE(send_packet(pair.right.get(), "unread"));
    }
    pair.left.reset();
    CHECK(receive_packet(pair.right.get()).text.empty());
    try {
        send_packet(pair.right.get(), "x");
        FAIL("it was sent");
    } catch (const Error& error) {
        CHECK(error.code() == Errc::unavailable);
    }
}

TEST_CASE("a non-blocking socket says that it would block, in both directions") {
    const Pair pair(SOCK_NONBLOCK);
    bool would_block = false;
    CHECK(receive_packet(pair.right.get(), &would_block).text.empty());
    CHECK(would_block);
    const std::string packet(kMaxPacket / 2, 'z');
    int sent = 0;
    while (send_packet(pair.left.get(), packet))
        REQUIRE(++sent < 1000);
    CHECK(sent > 0);
    CHECK(receive_packet(pair.right.get(), &would_block).text == packet);
    CHECK_FALSE(would_block);
}

TEST_CASE("the peer's uid, gid and pid come from the kernel") {
    const Pair pair;
    const Peer peer = peer_credentials(pair.left.get());
    CHECK(peer.uid == ::getuid());
    CHECK(peer.gid == ::getgid());
    CHECK(peer.pid == ::getpid());
}

TEST_CASE("a connection to a packet socket: where one listens, where none does, where none can be") {
    std::string folder = (std::filesystem::temp_directory_path() / "packet-test-XXXXXX").string();
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    const std::string path = folder + "/socket";
    CHECK(!connect_packet_socket(path));
    CHECK(errno == ENOENT);
    const UniqueFd listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    CHECK(!connect_packet_socket(path));
    CHECK(errno == ECONNREFUSED);
    REQUIRE(::listen(listener.get(), 1) == 0);
    const UniqueFd connected = connect_packet_socket(path);
    REQUIRE(connected);
    CHECK(peer_credentials(connected.get()).pid == ::getpid());
    CHECK_THROWS_AS(connect_packet_socket("/" + std::string(200, 'x')), Error);
    std::filesystem::remove_all(folder);
}
