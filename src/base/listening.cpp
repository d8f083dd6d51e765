#include "sandbox/base/listening.hpp"

#include "sandbox/base/error.hpp"

#include <cerrno>
#include <charconv>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace sandbox {
namespace {

constexpr int kBacklog = 256;

UniqueFd listen_at(const sockaddr* address, socklen_t size, const std::string& name) {
    const int family = address->sa_family;
    UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    if (!fd || (family != AF_UNIX && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) ||
        ::bind(fd.get(), address, size) != 0 || ::listen(fd.get(), kBacklog) != 0) {
        const int error_number = errno;
        throw errno_error(error_number, "cannot listen on " + name, listening_cure(error_number, family));
    }
    return fd;
}

std::string cure_of_path(int error_number) {
    switch (error_number) {
    case EACCES:
    case EPERM:
        return "The user of this program must be able to make files in that folder.";
    case ENOENT:
    case ENOTDIR:
        return "Make the folder, or name another place in listen_unix.";
    case EROFS:
        return "That file system is read-only: name another place in listen_unix.";
    default:
        return {};
    }
}

} // namespace

std::string listening_cure(int error_number, int family) {
    if (family == AF_UNIX)
        return cure_of_path(error_number);
    switch (error_number) {
    case EADDRINUSE:
        return "Another program listens there: `ss -ltnp` tells which. Stop it, or choose another port.";
    case EADDRNOTAVAIL:
        return family == AF_INET6
                   ? "This host has no such address: `ip -6 address` lists those that it has. ::1 needs "
                     "net.ipv6.conf.lo.disable_ipv6=0; 127.0.0.1 needs no IPv6."
                   : "This host has no such address: `ip -4 address` lists those that it has.";
    case EAFNOSUPPORT:
        return family == AF_INET6 ? "This kernel has no IPv6 (see ipv6.disable on its command line): use "
                                    "127.0.0.1 in listen_tcp."
                                  : "This kernel has no IPv4.";
    case EACCES:
    case EPERM:
        return "A port below net.ipv4.ip_unprivileged_port_start is for root: choose a higher one, or have "
               "sandbox-launcher --with-manager open it.";
    default:
        return {};
    }
}

ListenAddress parse_listen_address(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    const std::string host = text.substr(0, colon);
    const std::string port = colon == std::string::npos ? "" : text.substr(colon + 1);
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    ListenAddress address;
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        auto* six = reinterpret_cast<sockaddr_in6*>(&address.address);
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(number);
        if (::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &six->sin6_addr) == 1)
            address.size = sizeof *six;
    } else {
        auto* four = reinterpret_cast<sockaddr_in*>(&address.address);
        four->sin_family = AF_INET;
        four->sin_port = htons(number);
        if (::inet_pton(AF_INET, host.c_str(), &four->sin_addr) == 1)
            address.size = sizeof *four;
    }
    if (address.size == 0 || port.empty() || error != std::errc() || end != port.data() + port.size()) {
        throw Error(Errc::invalid_argument, "no address with a port: " + text,
                    R"(Use one as "127.0.0.1:8600" or "[::1]:8600".)", "listen_tcp");
    }
    return address;
}

UniqueFd listen_tcp(const std::string& text) {
    const ListenAddress address = parse_listen_address(text);
    return listen_at(reinterpret_cast<const sockaddr*>(&address.address), address.size, text);
}

UniqueFd listen_unix(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        throw Error(Errc::invalid_argument, "no path of a socket: " + path, "Use a shorter one.",
                    "listen_unix");
    path.copy(static_cast<char*>(address.sun_path), path.size());
    ::unlink(path.c_str());
    UniqueFd fd = listen_at(reinterpret_cast<const sockaddr*>(&address), sizeof address, path);
    if (::chmod(path.c_str(), 0666) != 0)
        throw_errno("chmod " + path);
    return fd;
}

} // namespace sandbox
