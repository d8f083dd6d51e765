#pragma once

#include "sandbox/base/unique_fd.hpp"

#include <cstdint>
#include <string>

#include <sys/types.h>

namespace sandbox::kernel {

/// /proc/PID/ns/KIND as a descriptor; `kind` is "net", "mnt", "pid", "user", … (namespaces(7)).
UniqueFd open_namespace(pid_t pid, const std::string& kind);
UniqueFd open_own_namespace(const std::string& kind);

/// The inode number that identifies a namespace.
std::uint64_t namespace_inode(int ns_fd);

/// What to do where a namespace of that kind ("user", "net") cannot be made or entered, by errno
/// (namespaces(7)); empty where the errno does not tell.
std::string namespace_cure(int error_number, const std::string& kind);

/// Puts the calling thread into another network namespace and back again when it goes out of scope; the
/// program ends should the way back fail, as nothing may go on in the wrong one.
class NetnsGuard {
  public:
    explicit NetnsGuard(int netns_fd);
    ~NetnsGuard();
    NetnsGuard(const NetnsGuard&) = delete;
    NetnsGuard& operator=(const NetnsGuard&) = delete;

  private:
    UniqueFd back_;
};

/// A new, empty network namespace that belongs to the caller's user namespace. The caller stays where it is.
/// It lives as long as the descriptor, a process or a pin.
UniqueFd new_network_namespace();

/// A new cgroup namespace whose root is that cgroup (cgroup_namespaces(7)). A helper is in the group for a
/// moment, so the group must not hand controllers down yet; CgroupDir::wait_unpopulated tells when it has
/// left. The namespace belongs to the caller's user namespace, and the caller stays where it is. Only a
/// single-threaded process may call this.
UniqueFd new_cgroup_namespace(int cgroup_fd);

/// A sysctl ("user/max_user_namespaces") of a user namespace, as those in it see it. A helper enters it, so
/// only a single-threaded process that may do so can call this; the caller stays where it is.
std::string read_user_sysctl(int user_ns_fd, const std::string& name);

/// Keeps a namespace at `path` by a bind mount over a new empty file, and takes that away. A pin that is
/// already there is Error conflict.
void pin_namespace(int ns_fd, const std::string& path);
void unpin_namespace(const std::string& path);
/// The namespace pinned at `path`, or no descriptor when nothing (or no namespace) is there.
UniqueFd open_pinned_namespace(const std::string& path);

/// Writes a sysctl ("net/ipv4/ip_forward") of the network namespace `netns_fd`.
void write_net_sysctl(int netns_fd, const std::string& name, const std::string& value);

/// No IPv6 on any interface that is or will be in the namespace; nothing to do on a kernel without it.
void disable_ipv6(int netns_fd);

} // namespace sandbox::kernel
