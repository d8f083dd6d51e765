#pragma once

#include "sandbox/base/bytes.hpp"
#include "sandbox/base/duration.hpp"
#include "sandbox/policy/policy_folders.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sandbox::policy {

enum class CgroupDriver { automatic, systemd, cgroupfs };

/// How much runs on this host at once, who waits, and when the host is too loaded for more.
struct SiteAdmission {
    std::optional<std::uint64_t> max_sessions; ///< none: as many as there are slots
    std::optional<Bytes> memory_budget;        ///< the sum of memory_max; none: most of the host's memory
    double memory_overcommit = 1;              ///< how many times the budget is promised
    std::size_t starts_at_once = 8;            ///< sandboxes that are being made at the same time
    std::size_t queue_length = 256;            ///< sessions that wait for a place; 0: none may
    Duration queue_timeout = std::chrono::minutes(1);

    // Nothing starts beyond these. None: that gate is off.
    std::optional<Bytes> memory_available_min = 512_MiB;
    std::optional<double> memory_pressure_max = 10; ///< percent of the last 10 s, PSI's "full"
    std::optional<double> io_pressure_max = 80;
    std::optional<Bytes> disk_free_min = 1_GiB; ///< of state_dir's file system
    std::optional<std::uint64_t> descriptors_free_min = 128;

    bool operator==(const SiteAdmission&) const = default;
};

/// What becomes of the sessions when the manager is told to stop.
enum class OnStop { end, keep };

/// How long the audit trail is kept.
struct SiteAudit {
    Duration keep = std::chrono::hours(90 * 24);
    Bytes size = 1_GiB; ///< of all its files
};

/// How long the logs of sessions that have ended are kept.
struct SiteLogs {
    std::optional<Duration> keep = std::chrono::hours(7 * 24); ///< none: they go with the session
    Bytes size_per_tenant = 64_MiB;
    Bytes size = 1_GiB; ///< of all
};

/// PEM files.
struct SiteTls {
    std::string certificate, key;
    bool operator==(const SiteTls&) const = default;
};

/// `127.0.0.1:PORT` or `[::1]:PORT`: others of this host's network do not reach it.
bool is_loopback_address(const std::string& address);

/// Where the build's own policies are installed.
const char* installed_policies();

/// The site's own settings: `/etc/chimerax-sandbox/sandboxd.toml`, read by the manager and the launcher.
struct Site {
    std::string origin; ///< the file that it was read from; empty: from none, so it is not read again
    std::string digest; ///< sha256_hex of that file's text

    std::string policies_dir = "/etc/chimerax-sandbox/policies"; ///< the admin's
    std::string vendor_policies_dir = installed_policies();      ///< below them; empty: none
    std::string tenants_dir = "/etc/chimerax-sandbox/tenants";
    std::string run_dir = "/run/chimerax-sandbox";
    std::string state_dir = "/var/lib/chimerax-sandbox"; ///< session logs live below it

    std::string manager_user = "chimerax-sandbox"; ///< a name of /etc/passwd, or a number
    CgroupDriver cgroup_driver = CgroupDriver::automatic;
    std::string cgroup_mount = "/sys/fs/cgroup";
    std::string cgroup_base = "chimerax"; ///< driver cgroupfs: the delegated folder below cgroup_mount
    std::uint32_t slots = 1024;           ///< sessions at once, at most 65,536
    std::uint32_t uid_base = 1879048192;  ///< slot n runs as uid_base + n

    OnStop on_stop = OnStop::end;
    SiteAudit audit;
    SiteLogs logs;
    SiteAdmission admission;

    std::string listen_unix;             ///< the API's socket; run_dir/api.sock unless given
    std::vector<std::string> listen_tcp; ///< "127.0.0.1:8600"; all with TLS where `tls` is set
    std::optional<SiteTls> tls;          ///< none: loopback only, unless `listen_insecure`
    bool listen_insecure = false;
    std::vector<std::string> host_names; ///< what Host may say beside loopback's names
    std::string admin_group = "chimerax-sandbox-admin";
    std::vector<std::string> admin_token_hashes; ///< sha256_hex of admin bearer tokens

    PolicyFolders policy_folders() const { return {policies_dir, vendor_policies_dir}; }
};

} // namespace sandbox::policy
