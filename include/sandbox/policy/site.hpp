#pragma once

#include "sandbox/base/duration.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sandbox::policy {

enum class CgroupDriver { automatic, systemd, cgroupfs };

/// The site's own settings: `/etc/chimerax-sandbox/sandboxd.toml`, read by the manager and the launcher.
struct Site {
    std::string policies_dir = "/etc/chimerax-sandbox/policies";
    std::string tenants_dir = "/etc/chimerax-sandbox/tenants";
    std::string run_dir = "/run/chimerax-sandbox";
    std::string state_dir = "/var/lib/chimerax-sandbox"; ///< session logs live below it

    std::string manager_user = "chimerax-sandbox"; ///< a name of /etc/passwd, or a number
    CgroupDriver cgroup_driver = CgroupDriver::automatic;
    std::string cgroup_mount = "/sys/fs/cgroup";
    std::string cgroup_base = "chimerax"; ///< driver cgroupfs: the delegated folder below cgroup_mount
    std::uint32_t slots = 1024;           ///< sessions at once, at most 65,536
    std::uint32_t uid_base = 1879048192;  ///< slot n runs as uid_base + n

    std::string listen_unix;             ///< the API's socket; run_dir/api.sock unless given
    std::vector<std::string> listen_tcp; ///< "127.0.0.1:8600"; loopback only
    std::string admin_group = "chimerax-sandbox-admin";
    std::vector<std::string> admin_token_hashes; ///< sha256_hex of admin bearer tokens
};

} // namespace sandbox::policy
