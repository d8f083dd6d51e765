#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct nl_sock;

namespace sandbox::kernel {

/// A route netlink socket. It stays in the network namespace in which it was opened (rtnetlink(7)).
/// Every call waits for the kernel's answer and throws Error with the link's name on failure.
class Netlink {
  public:
    /// Opens in the calling thread's network namespace.
    Netlink();
    ~Netlink();
    Netlink(Netlink&&) noexcept;
    Netlink& operator=(Netlink&&) noexcept;

    /// Creates a veth pair, one request: `name` here, `peer_name` in the namespace that `peer_netns_fd` is.
    void create_veth(const std::string& name, const std::string& peer_name, int peer_netns_fd);
    /// Gives the link an IPv4 /31 address ("198.18.0.1") and sets it up, no broadcast, no IPv6 address
    /// generation.
    void configure_link(const std::string& name, const std::string& ipv4, unsigned prefix_length);
    void set_up(const std::string& name);
    /// Attaches an XDP program to the link, for as long as the link lives. Generic mode: it needs nothing of
    /// the driver.
    void attach_xdp(const std::string& name, int program_fd);
    /// False when there is no such link.
    bool delete_link(const std::string& name);
    std::vector<std::string> links();

  private:
    unsigned index_of(const std::string& name);

    struct Close {
        void operator()(nl_sock* socket) const;
    };
    std::unique_ptr<nl_sock, Close> socket_;
};

} // namespace sandbox::kernel
