#include "sandbox/api/listeners.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

namespace sandbox::api {
namespace {

constexpr int kBacklog = 256;

int option(int socket, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(socket, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

/// Takes over what systemd or the launcher passed.
std::vector<UniqueFd> inherited() {
    char** names = nullptr;
    const int count = ::sd_listen_fds_with_names(1, &names);
    std::vector<UniqueFd> sockets;
    for (int i = 0; i < count; ++i) {
        UniqueFd fd(SD_LISTEN_FDS_START + i);
        const std::string name = names != nullptr && names[i] != nullptr ? names[i] : "unknown";
        if (names != nullptr)
            std::free(names[i]); // NOLINT(cppcoreguidelines-no-malloc): sd_listen_fds_with_names(3)
        if (name != "unknown" && !name.starts_with("api-")) {
            log::warning("the inherited descriptor " + name + " is none of the API's, and is closed");
            continue;
        }
        if (option(fd.get(), SO_TYPE) != SOCK_STREAM || option(fd.get(), SO_ACCEPTCONN) != 1) {
            throw Error(Errc::invalid_argument,
                        "the inherited descriptor " + name + " is no listening stream socket",
                        "Use ListenStream= in the socket unit, with Accept=no.");
        }
        sockets.push_back(std::move(fd));
    }
    std::free(names); // NOLINT(cppcoreguidelines-no-malloc)
    return sockets;
}

UniqueFd listen_at(int family, const sockaddr* address, socklen_t size, const std::string& name) {
    UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    if (!fd || (family != AF_UNIX && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) ||
        ::bind(fd.get(), address, size) != 0 || ::listen(fd.get(), kBacklog) != 0)
        throw_errno("listen on " + name, "See who else uses the address.");
    return fd;
}

UniqueFd listen_unix(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        throw Error(Errc::invalid_argument, "no path of a socket: " + path, "Use a shorter one.",
                    "listen_unix");
    std::memcpy(static_cast<char*>(address.sun_path), path.c_str(), path.size() + 1);
    ::unlink(path.c_str());
    UniqueFd fd = listen_at(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address, path);
    // Anybody may connect: who it is decides what it may do.
    if (::chmod(path.c_str(), 0666) != 0)
        throw_errno("chmod " + path);
    return fd;
}

UniqueFd listen_tcp(const std::string& text) {
    const ListenAddress address = parse_listen_address(text);
    return listen_at(address.address.ss_family, reinterpret_cast<const sockaddr*>(&address.address),
                     address.size, text);
}

} // namespace

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

bool is_beyond_loopback(int socket) {
    ListenAddress own;
    own.size = sizeof own.address;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&own.address), &own.size) != 0)
        throw_errno("the address of a listening socket");
    if (own.address.ss_family == AF_INET)
        return ntohl(reinterpret_cast<const sockaddr_in*>(&own.address)->sin_addr.s_addr) != INADDR_LOOPBACK;
    if (own.address.ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6*>(&own.address)->sin6_addr) == 0;
    return own.address.ss_family != AF_UNIX;
}

std::vector<UniqueFd> open_listeners(const policy::Site& site) {
    std::vector<UniqueFd> sockets = inherited();
    for (const UniqueFd& socket : sockets)
        if (!site.tls && !site.listen_insecure && is_beyond_loopback(socket.get()))
            throw Error(
                Errc::invalid_argument,
                "an inherited socket of the API is reached from beyond loopback, and the API has no TLS",
                "Set tls.certificate and tls.key in sandboxd.toml, or listen_insecure = true where "
                "nobody else is on that network.",
                "tls");
    if (!sockets.empty())
        return sockets;
    sockets.push_back(listen_unix(site.listen_unix.empty() ? site.run_dir + "/api.sock" : site.listen_unix));
    for (const std::string& text : site.listen_tcp)
        sockets.push_back(listen_tcp(text));
    return sockets;
}

} // namespace sandbox::api
