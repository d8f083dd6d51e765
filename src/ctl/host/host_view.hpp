#pragma once

#include <cstdint>
#include <string>

namespace sandbox::ctl {

/// Where the host shows itself; tests give folders of their own.
struct HostView {
    std::string proc = "/proc";
    std::string cgroup = "/sys/fs/cgroup";
    std::string etc = "/etc", usr = "/usr";
    std::string systemd = "/run/systemd/system"; ///< there where PID 1 is systemd (sd_booted(3))
    std::string kernel_release;                  ///< uname(2)
    bool clock_is_set = true;                    ///< adjtimex(2)
    std::uint64_t descriptors = 0;               ///< that a process may have open at most
};
HostView this_host();

} // namespace sandbox::ctl
