#include "sandbox/kernel/netlink.hpp"

#include "sandbox/base/error.hpp"

#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netlink/cache.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/socket.h>

namespace sandbox::kernel {
namespace {

struct FreeMessage {
    void operator()(nl_msg* message) const { ::nlmsg_free(message); }
};
using Message = std::unique_ptr<nl_msg, FreeMessage>;

Error netlink_error(int result, const std::string& what) {
    switch (-result) {
    case NLE_EXIST:
        return {Errc::conflict, what + ": it exists already"};
    case NLE_NODEV:
    case NLE_OBJ_NOTFOUND:
        return {Errc::not_found, what + ": there is no such link"};
    case NLE_PERM:
    case NLE_NOACCESS:
        return {Errc::denied, what + ": " + ::nl_geterror(result), "it needs CAP_NET_ADMIN"};
    case NLE_OPNOTSUPP:
    case NLE_AF_NOSUPPORT:
        return {Errc::unsupported, what + ": " + ::nl_geterror(result),
                "the kernel needs CONFIG_VETH and rtnetlink: modprobe veth"};
    default:
        return {Errc::io, what + ": " + ::nl_geterror(result)};
    }
}

void check(int result, const std::string& what) {
    if (result < 0)
        throw netlink_error(result, what);
}

Message new_message(int type, int flags) {
    Message message(::nlmsg_alloc_simple(type, flags));
    if (!message)
        throw Error(Errc::internal, "no memory for a netlink message");
    return message;
}

/// Sends, and waits for the kernel's word on it.
void send(nl_sock* socket, Message message, const std::string& what) {
    check(::nl_send_sync(socket, message.release()), what); // nl_send_sync frees it in any case
}

void put_link_header(const Message& message, const std::string& name, unsigned flags) {
    ifinfomsg header{};
    header.ifi_flags = flags;
    header.ifi_change = flags;
    check(::nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO), "a netlink message");
    check(::nla_put_string(message.get(), IFLA_IFNAME, name.c_str()), "a netlink message");
}

class Nest {
  public:
    Nest(const Message& message, int type)
        : message_(message.get()),
          start_(::nla_nest_start(message_, type)) {
        if (start_ == nullptr)
            throw Error(Errc::internal, "a netlink message is too long");
    }
    ~Nest() { ::nla_nest_end(message_, start_); }
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;

  private:
    nl_msg* message_;
    nlattr* start_;
};

} // namespace

void Netlink::Close::operator()(nl_sock* socket) const {
    ::nl_socket_free(socket);
}

Netlink::Netlink() : socket_(::nl_socket_alloc()) {
    if (!socket_)
        throw Error(Errc::internal, "no memory for a netlink socket");
    check(::nl_connect(socket_.get(), NETLINK_ROUTE), "cannot open a netlink socket");
    if (::fcntl(::nl_socket_get_fd(socket_.get()), F_SETFD, FD_CLOEXEC) != 0)
        throw_errno("cannot set close-on-exec on a netlink socket");
}

Netlink::~Netlink() = default;
Netlink::Netlink(Netlink&&) noexcept = default;
Netlink& Netlink::operator=(Netlink&&) noexcept = default;

void Netlink::create_veth(const std::string& name, const std::string& peer_name, int peer_netns_fd) {
    Message message = new_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    put_link_header(message, name, 0);
    {
        const Nest info(message, IFLA_LINKINFO);
        check(::nla_put_string(message.get(), IFLA_INFO_KIND, "veth"), "a netlink message");
        const Nest data(message, IFLA_INFO_DATA);
        const Nest peer(message, VETH_INFO_PEER);
        put_link_header(message, peer_name, 0);
        check(::nla_put_u32(message.get(), IFLA_NET_NS_FD, static_cast<std::uint32_t>(peer_netns_fd)),
              "a netlink message");
    }
    send(socket_.get(), std::move(message), "cannot make the veth pair " + name + " and " + peer_name);
}

void Netlink::configure_link(const std::string& name, const std::string& ipv4, unsigned prefix_length) {
    in_addr address{};
    if (::inet_pton(AF_INET, ipv4.c_str(), &address) != 1)
        throw Error(Errc::invalid_argument, "\"" + ipv4 + "\" is no IPv4 address");
    Message message = new_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
    ifaddrmsg header{};
    header.ifa_family = AF_INET;
    header.ifa_prefixlen = static_cast<unsigned char>(prefix_length);
    header.ifa_scope = RT_SCOPE_UNIVERSE;
    header.ifa_index = index_of(name);
    check(::nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO), "a netlink message");
    check(::nla_put(message.get(), IFA_LOCAL, sizeof address, &address), "a netlink message");
    check(::nla_put(message.get(), IFA_ADDRESS, sizeof address, &address), "a netlink message");
    send(socket_.get(), std::move(message), "cannot give " + ipv4 + " to " + name);
    set_up(name);
}

void Netlink::set_up(const std::string& name) {
    Message message = new_message(RTM_NEWLINK, 0);
    put_link_header(message, name, IFF_UP);
    send(socket_.get(), std::move(message), "cannot set " + name + " up");
}

void Netlink::attach_xdp(const std::string& name, int program_fd) {
    Message message = new_message(RTM_SETLINK, 0);
    put_link_header(message, name, 0);
    {
        const Nest xdp(message, IFLA_XDP);
        check(::nla_put_s32(message.get(), IFLA_XDP_FD, program_fd), "a netlink message");
        check(::nla_put_u32(message.get(), IFLA_XDP_FLAGS, XDP_FLAGS_SKB_MODE), "a netlink message");
    }
    send(socket_.get(), std::move(message), "cannot attach the reply filter to " + name);
}

bool Netlink::delete_link(const std::string& name) {
    Message message = new_message(RTM_DELLINK, 0);
    put_link_header(message, name, 0);
    const int result = ::nl_send_sync(socket_.get(), message.release());
    if (result == -NLE_NODEV || result == -NLE_OBJ_NOTFOUND)
        return false;
    check(result, "cannot remove the link " + name);
    return true;
}

unsigned Netlink::index_of(const std::string& name) {
    rtnl_link* link = nullptr;
    check(::rtnl_link_get_kernel(socket_.get(), 0, name.c_str(), &link),
          "cannot look the link " + name + " up");
    const int index = ::rtnl_link_get_ifindex(link);
    ::rtnl_link_put(link);
    return static_cast<unsigned>(index);
}

std::vector<std::string> Netlink::links() {
    nl_cache* cache = nullptr;
    check(::rtnl_link_alloc_cache(socket_.get(), AF_UNSPEC, &cache), "cannot list the links");
    std::vector<std::string> names;
    for (nl_object* object = ::nl_cache_get_first(cache); object != nullptr;
         object = ::nl_cache_get_next(object))
        names.emplace_back(::rtnl_link_get_name(reinterpret_cast<rtnl_link*>(object)));
    ::nl_cache_free(cache);
    return names;
}

} // namespace sandbox::kernel
