#include "api/transport/listeners.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/listening.hpp"
#include "sandbox/base/log.hpp"

#include <cstdlib>
#include <string_view>

#include <netinet/in.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

namespace sandbox::api {
namespace {

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
                        "the inherited descriptor " + name + " is not a listening stream socket",
                        "Use ListenStream= in the socket unit, with Accept=no.");
        }
        sockets.push_back(std::move(fd));
    }
    std::free(names); // NOLINT(cppcoreguidelines-no-malloc)
    return sockets;
}

} // namespace

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
    sockets.push_back(listen_unix(site.listen_unix));
    for (const std::string& text : site.listen_tcp)
        sockets.push_back(listen_tcp(text));
    return sockets;
}

} // namespace sandbox::api
