#pragma once

#include "launcher/spec/launch_step.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/kernel/netlink.hpp"
#include "sandbox/policy/site.hpp"

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
struct LauncherContext {
    policy::Site site;
    UniqueFd lock; ///< no second launcher works in the same folders
    ManagerIdentity manager;
    UniqueFd gateway;             ///< the gateway network namespace
    kernel::Netlink gateway_link; ///< a socket in it
    UniqueFd link_filter;         ///< the XDP program of the near ends
    UniqueFd init_image;          ///< sandbox-init as a sealed memfd
    std::string fault;            ///< the launcher dies after this step or moment; see has_fault_points()

    std::string sessions_dir() const { return site.run_dir + "/sessions"; }
    std::string ended_dir() const { return site.run_dir + "/ended"; }
    std::string logs_dir() const { return site.state_dir + "/logs"; }
    std::string anchor() const { return site.run_dir + "/root"; }
    std::string gateway_path() const { return site.run_dir + "/net"; }
    std::string socket_path() const { return site.run_dir + "/launcher.sock"; }
};

/// Makes the folders, the gateway namespace and the rest. Throws Error with the cure; conflict where another
/// launcher has these folders.
LauncherContext make_launcher_context(policy::Site site);

/// Makes the gateway namespace alone, where it is not there yet: for who must enter it before a launcher
/// runs. Throws Error conflict where a launcher or a tear-down is at work on it.
void pin_gateway(const policy::Site& site);

/// sandbox-init as a memfd that nobody, root included, can write any more (memfd_create(2), sealing).
UniqueFd make_init_image();

/// Finds or makes the namespace in which the near ends of all links live, and pins it: no forwarding, no
/// IPv6, strict reverse-path filter.
UniqueFd open_gateway(const std::string& path);

/// Moments beside those steps in which tests have the launcher die too.
enum class FaultPoint {
    holder, ///< of a scope that systemd has not been asked for
    frozen,
    published, ///< the port is in the session's file, and not told yet
    end_stdin, ///< the end of ChimeraX's stdin
    end_sigterm,
    end_kill,     ///< cgroup.kill
    end_noted,    ///< how it ended is kept
    end_group,    ///< the cgroup is removed
    end_folders,  ///< and the folders
    restart_kill, ///< what was in payload/ is killed
    restart_told, ///< sandbox-init knows that it is to start ChimeraX
    restart_done, ///< ChimeraX runs, and nobody was told yet
};

/// Throws Error invalid_argument for what is neither a step nor a moment.
void check_fault(const std::string& name);

/// Dies by SIGKILL where the tests armed this point: what a crash at that very point leaves behind must be
/// swept.
void fault_point(const LauncherContext& context, Step step);
void fault_point(const LauncherContext& context, FaultPoint moment);

} // namespace sandbox::launcher
