#include "sandbox/launcher/published_port.hpp"

#include "sandbox/base/error.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

namespace sandbox::launcher {

PublishedPort publish_port(const protocol::Launched& facts) {
    if (!facts.publish)
        throw Error(Errc::denied, "policy " + facts.policy + " does not publish ports",
                    "set network.publish = \"loopback\" in it");
    PublishedPort port{UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)), 0};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (!port.socket || ::bind(port.socket.get(), generic, sizeof address) != 0 ||
        ::listen(port.socket.get(), 64) != 0 || ::getsockname(port.socket.get(), generic, &size) != 0)
        throw_errno("cannot open a port on 127.0.0.1");
    port.port = ntohs(address.sin_port);
    return port;
}

} // namespace sandbox::launcher
