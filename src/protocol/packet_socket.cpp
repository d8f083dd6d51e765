#include "sandbox/protocol/packet_socket.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/protocol/message.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>

namespace sandbox::protocol {
namespace {

struct alignas(cmsghdr) ControlBuffer {
    std::array<char, CMSG_SPACE(kMaxDescriptors * sizeof(int))> bytes{};
};

void put_descriptors(msghdr& message, ControlBuffer& control, std::span<const int> descriptors) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
}

/// Owns what came first, so that every way out closes it.
std::vector<UniqueFd> take_descriptors(msghdr& message) {
    std::vector<UniqueFd> descriptors;
    descriptors.reserve(kMaxDescriptors);
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
            descriptors.emplace_back(fd);
        }
    }
    return descriptors;
}

} // namespace

UniqueFd connect_packet_socket(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw Error(Errc::invalid_argument, "the path " + path + " is too long for a socket");
    path.copy(address.sun_path, path.size());
    UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (socket && ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        const int error_number = errno;
        socket = UniqueFd();
        errno = error_number;
    }
    return socket;
}

bool send_packet(int socket, std::string_view text, std::span<const int> descriptors) {
    if (text.size() > kMaxPacket) {
        throw Error(Errc::too_large, "launcher protocol: a packet of " + std::to_string(text.size()) +
                                         " bytes is over the limit of " + std::to_string(kMaxPacket));
    }
    if (text.empty())
        throw Error(Errc::invalid_argument, "launcher protocol: an empty packet means the end");
    if (descriptors.size() > kMaxDescriptors)
        throw Error(Errc::invalid_argument, "launcher protocol: too many descriptors for one packet");

    iovec part{const_cast<char*>(text.data()), text.size()}; // sendmsg(2) only reads it
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    ControlBuffer control;
    if (!descriptors.empty())
        put_descriptors(message, control, descriptors);

    while (::sendmsg(socket, &message, MSG_NOSIGNAL) < 0) {
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return false;
        if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN || errno == ECONNREFUSED)
            throw Error(Errc::unavailable, "launcher protocol: the peer has closed the connection");
        if (errno == EMSGSIZE)
            throw Error(Errc::too_large, "launcher protocol: the packet is larger than the socket's buffer");
        throw_errno("launcher protocol: sendmsg");
    }
    return true;
}

Received receive_packet(int socket, bool* would_block) {
    if (would_block != nullptr)
        *would_block = false;
    Received received;
    received.text.resize(kMaxPacket);
    iovec part{received.text.data(), received.text.size()};
    ControlBuffer control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();

    ssize_t length = 0;
    while ((length = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0) {
        if (errno == EINTR)
            continue;
        received.text.clear();
        if (errno == ECONNRESET) // closed with something of ours unread
            return received;
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            throw_errno("launcher protocol: recvmsg");
        if (would_block == nullptr)
            throw Error(Errc::timed_out, "launcher protocol: no packet came in time");
        *would_block = true;
        return received;
    }
    received.descriptors = take_descriptors(message);
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        throw Error(Errc::invalid_argument,
                    (message.msg_flags & MSG_TRUNC) != 0
                        ? "launcher protocol: a packet over " + std::to_string(kMaxPacket) + " bytes"
                        : "launcher protocol: a packet with more than " + std::to_string(kMaxDescriptors) +
                              " descriptors");
    }
    received.text.resize(static_cast<std::size_t>(length));
    return received;
}

Peer peer_credentials(int socket) {
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0)
        throw_errno("SO_PEERCRED of a unix socket");
    return {credentials.uid, credentials.gid, credentials.pid};
}

} // namespace sandbox::protocol
