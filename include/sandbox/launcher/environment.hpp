#pragma once

#include "sandbox/base/unique_fd.hpp"
#include "sandbox/kernel/netlink.hpp"
#include "sandbox/launcher/step.hpp"
#include "sandbox/policy/site.hpp"

#include <optional>
#include <string>

#include <sys/types.h>

namespace sandbox::launcher {

/// The manager's user, read from /etc/passwd itself: no name service runs in the launcher.
struct ManagerIdentity {
    uid_t uid = 0;
    gid_t gid = 0;
};
/// Throws Error not_found with the command that makes the user.
ManagerIdentity find_manager(const std::string& user);

/// What every construction shares, made once at the start.
struct Environment {
    policy::Site site;
    ManagerIdentity manager;
    UniqueFd gateway;             ///< the gateway network namespace
    kernel::Netlink gateway_link; ///< a socket in it
    UniqueFd link_filter;         ///< the XDP program of the near ends
    UniqueFd init_image;          ///< sandbox-init as a sealed memfd
    std::optional<Step> fault;    ///< tests only: the launcher dies after this step

    std::string sessions_dir() const { return site.run_dir + "/sessions"; }
    std::string logs_dir() const { return site.state_dir + "/logs"; }
    std::string anchor() const { return site.run_dir + "/root"; }
    std::string gateway_path() const { return site.run_dir + "/net"; }
    std::string socket_path() const { return site.run_dir + "/launcher.sock"; }
};

/// Makes the folders, the gateway namespace and the rest. Throws Error with the cure.
Environment make_environment(policy::Site site);

/// sandbox-init as a memfd that nobody, root included, can write any more (memfd_create(2), sealing).
UniqueFd make_init_image();

/// Finds or makes the namespace in which the near ends of all links live, and pins it: no forwarding, no
/// IPv6, strict reverse-path filter.
UniqueFd open_gateway(const std::string& path);

/// Dies by SIGKILL where the tests armed this step: what a crash at that very point leaves behind must be
/// swept.
void fault_point(const Environment& environment, Step step);

} // namespace sandbox::launcher
