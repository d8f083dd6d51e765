// sim connect, listen: what the network lets through.
#include "standin/base/command.hpp"
#include "standin/base/text.hpp"
#include "standin/session/session.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <thread>

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace standin {
namespace {

constexpr int kTimeoutMilliseconds = 1000;

std::string_view result_of(int error) {
    switch (error) {
    case 0:
        return "connected";
    case ECONNREFUSED:
        return "refused";
    case ETIMEDOUT:
        return "timeout";
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EADDRNOTAVAIL:
        return "unreachable";
    default:
        return "error";
    }
}

Value report(int error, std::string_view result) {
    return {JsonObject()
                .text("result", result)
                .raw("errno", error == 0 ? "null" : quote(::strerrorname_np(error)))
                .str(),
            "null"};
}

int wait_for_connect(int fd) {
    pollfd poll{fd, POLLOUT, 0};
    if (::poll(&poll, 1, kTimeoutMilliseconds) == 0)
        return ETIMEDOUT;
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
    return error;
}

Value connect_stream(int fd, const addrinfo& target) {
    int error = 0;
    if (::connect(fd, target.ai_addr, target.ai_addrlen) != 0)
        error = errno == EINPROGRESS ? wait_for_connect(fd) : errno;
    return report(error, result_of(error));
}

// UDP shows a refusal only when something is sent, and success only when something comes back.
Value send_datagram(int fd, const addrinfo& target) {
    if (::connect(fd, target.ai_addr, target.ai_addrlen) != 0 || ::send(fd, "sim\n", 4, 0) < 0)
        return report(errno, result_of(errno));
    pollfd poll{fd, POLLIN, 0};
    if (::poll(&poll, 1, kTimeoutMilliseconds) == 0)
        return report(ETIMEDOUT, result_of(ETIMEDOUT));
    std::array<char, 16> buffer{};
    const int error = ::recv(fd, buffer.data(), buffer.size(), 0) < 0 ? errno : 0;
    return report(error, result_of(error));
}

Value connect_to(Session&, Words& words) {
    const std::string address = words.take("address");
    const std::string port = std::to_string(words.take_number("port", 65535));
    const bool udp = words.take_word("udp");
    words.end();
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = udp ? SOCK_DGRAM : SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(address.c_str(), port.c_str(), &hints, &found) != 0)
        throw ParseError("Expected an address in numbers");
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> target(found, &::freeaddrinfo);
    const int fd = ::socket(target->ai_family, target->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return report(errno, result_of(errno));
    const Value value = udp ? send_datagram(fd, *target) : connect_stream(fd, *target);
    ::close(fd);
    return value;
}

// Accepts, says `standin`, closes; for ever.
Value listen_on(Session&, Words& words) {
    const std::string port = std::to_string(words.take_number("port", 65535));
    const std::string address = words.take_if_any().value_or("0.0.0.0");
    words.end();
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(address.c_str(), port.c_str(), &hints, &found) != 0)
        throw ParseError("Expected an address in numbers");
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> target(found, &::freeaddrinfo);
    const int fd = ::socket(target->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ::bind(fd, target->ai_addr, target->ai_addrlen) != 0 || ::listen(fd, 64) != 0) {
        const int error = errno;
        if (fd >= 0)
            ::close(fd);
        return report(error, "error");
    }
    std::thread([fd] {
        for (;;) {
            const int peer = ::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC);
            if (peer < 0)
                continue;
            ::send(peer, "standin\n", 8, MSG_NOSIGNAL);
            ::close(peer);
        }
    }).detach();
    return report(0, "listening");
}

} // namespace

void add_sim_network_verbs(CommandTable& table) {
    table["connect"] = connect_to;
    table["listen"] = listen_on;
}

} // namespace standin
