#include "launcher/operations/published_port.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

namespace sandbox::launcher {
namespace {

/// 0: any port.
PublishedPort listen_on(std::uint16_t number) {
    PublishedPort port{UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)), 0};
    const int yes = 1;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(number);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    // Connections of the earlier listener may still be in TIME_WAIT (socket(7), SO_REUSEADDR).
    if (!port.socket ||
        (number != 0 && ::setsockopt(port.socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0) ||
        ::bind(port.socket.get(), generic, sizeof address) != 0 || ::listen(port.socket.get(), 64) != 0 ||
        ::getsockname(port.socket.get(), generic, &size) != 0)
        throw_errno("cannot open a port on 127.0.0.1");
    port.port = ntohs(address.sin_port);
    return port;
}

} // namespace

PublishedPort publish_port(const protocol::Launched& facts) {
    if (!facts.publish)
        throw Error(Errc::denied, "policy " + facts.policy + " does not publish ports",
                    "set network.publish = \"loopback\" in it");
    if (!facts.published_port)
        return listen_on(0);
    try {
        return listen_on(*facts.published_port);
    } catch (const Error& error) {
        log::error({facts.session, facts.tenant}, "session " + facts.session + " cannot have its port " +
                                                      std::to_string(*facts.published_port) +
                                                      " again, and gets another one: " + error.what());
        return listen_on(0);
    }
}

} // namespace sandbox::launcher
