#pragma once

#include "sandbox/base/unique_fd.hpp"

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

/// A listener on 127.0.0.1 that takes one connection and then follows a script. The connection is closed when
/// the script returns; the destructor waits for that.
class LoopbackServer {
  public:
    using Script = std::function<void(int connection)>;

    explicit LoopbackServer(Script script) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        if (::bind(listener_.get(), generic, length) != 0 || ::listen(listener_.get(), 1) != 0 ||
            ::getsockname(listener_.get(), generic, &length) != 0)
            throw std::runtime_error("no loopback listener");
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this, script = std::move(script)] {
            const sandbox::UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (connection)
                script(connection.get());
        });
    }
    ~LoopbackServer() {
        ::shutdown(listener_.get(), SHUT_RDWR); // wakes accept where nobody came
        thread_.join();
    }
    LoopbackServer(const LoopbackServer&) = delete;
    LoopbackServer& operator=(const LoopbackServer&) = delete;

    std::uint16_t port() const { return port_; }

  private:
    sandbox::UniqueFd listener_;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

/// False when the peer has gone.
inline bool send_text(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
        if (count <= 0)
            return false;
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

/// Reads to the end of a request's header and `body` bytes more.
inline std::string read_request(int fd, std::size_t body = 0) {
    std::string text;
    char c = 0;
    while (!text.ends_with("\r\n\r\n") && ::recv(fd, &c, 1, 0) == 1)
        text += c;
    while (body-- > 0 && ::recv(fd, &c, 1, 0) == 1)
        text += c;
    return text;
}

/// Until the peer closes.
inline void wait_for_peer_to_close(int fd) {
    char c = 0;
    while (::recv(fd, &c, 1, 0) == 1) {
    }
}
