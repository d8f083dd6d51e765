#pragma once

#include "sandbox/base/bytes.hpp"
#include "sandbox/base/duration.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::policy {

/// A folder or file of the host that is shown in the sandbox, read-only, recursively.
struct Bind {
    std::string source;    ///< absolute path on the host
    std::string target;    ///< absolute path inside; the same as source unless given
    bool optional = false; ///< leave it out where the host does not have it

    bool operator==(const Bind&) const = default;
};

/// A private tmpfs: its pages are charged to the session's memory.
struct Tmpfs {
    Bytes size;
    std::uint64_t inodes = 0;

    bool operator==(const Tmpfs&) const = default;
};

struct ChimeraX {
    std::optional<std::string> executable; ///< else the finder looks for an installation
    std::vector<std::string> arguments;    ///< put before the REST start command
    std::map<std::string, std::string> environment;
    Duration start_timeout{};   ///< from exec to the first 200 of /cmdline.html
    Duration command_timeout{}; ///< a request longer than this means that the engine is hung
    Duration grace{};           ///< from the end of stdin to SIGTERM, and from there to SIGKILL

    bool operator==(const ChimeraX&) const = default;
};

/// The clocks that end a session (CLOCK_BOOTTIME). None: that clock does not run.
struct Lifecycle {
    std::optional<Duration> freeze_after; ///< without any activity; the next request thaws it
    std::optional<Duration> end_after;    ///< without any activity
    std::optional<Duration> max_lifetime; ///< since its creation
    std::optional<double> active_cpus;    ///< CPU use that is activity, as a number of CPUs

    bool operator==(const Lifecycle&) const = default;
};

/// What happens when ChimeraX crashes or hangs.
struct Recovery {
    std::uint64_t max_restarts = 0;         ///< within `window`; 0: the session ends
    Duration window{};                      ///< more restarts than that in it are a crash loop
    std::optional<Duration> autosave_every; ///< of what was changed; a restart opens the last one

    bool operator==(const Recovery&) const = default;
};

/// How many sessions of this policy the host takes at once, of all tenants together. None: any number.
struct PolicyAdmission {
    std::optional<std::uint64_t> max_sessions;

    bool operator==(const PolicyAdmission&) const = default;
};

enum class Enforcement { strict, best_effort };

struct Resources {
    Enforcement enforcement = Enforcement::strict;
    Bytes memory_max;
    std::optional<Bytes> memory_high;
    Bytes memory_swap_max;
    std::optional<double> cpus; ///< cpu.max; none is no limit
    std::uint64_t cpu_weight = 100;
    std::uint64_t pids_max = 0;
    std::uint64_t descendants_max = 0; ///< cgroup.max.descendants below the session's own groups
    std::uint64_t nofile = 0;          ///< RLIMIT_NOFILE
    Bytes core_size;                   ///< RLIMIT_CORE
    Bytes file_size;                   ///< RLIMIT_FSIZE

    bool operator==(const Resources&) const = default;
};

struct Filesystem {
    std::vector<Bind> binds;
    Tmpfs tmp, home, work, shm;
    std::vector<std::string> devices; ///< device nodes beyond null, zero, full, random, urandom

    bool operator==(const Filesystem&) const = default;
};

enum class Publish { none, loopback };

struct Logs {
    Bytes size; ///< of each of stdout and stderr, both segments together

    bool operator==(const Logs&) const = default;
};

/// What the audit trail has of the commands that ChimeraX is given: themselves, a keyed hash of each, or
/// nothing.
enum class CommandAudit { none, hash, text };

std::string_view to_text(CommandAudit audit);
/// Throws Error invalid_argument for what is none.
CommandAudit command_audit_from_text(std::string_view text);

/// What a caller may ask for instead of the policy's own value, at most. Absent means: not at all.
struct Ceilings {
    std::optional<Bytes> memory_max;
    std::optional<double> cpus;
    std::optional<std::uint64_t> pids_max;
    std::optional<Duration> max_lifetime; ///< so long may a session live that is extended; else as the policy
    std::vector<std::string> environment; ///< names a caller may set; a `*` at the end stands for any rest

    bool operator==(const Ceilings&) const = default;
};

/// Where a policy comes from: a file of the vendor's folder, of the admin's, or of the admin's where the
/// vendor has one of that name too.
enum class PolicyLayer { vendor, admin, admin_over_vendor };

/// "vendor", "admin", "admin-over-vendor".
std::string_view to_text(PolicyLayer layer);

/// One system call rule or filter of the OCI `linux.seccomp` format lives in seccomp_profile.hpp.
struct Policy {
    std::string name;
    PolicyLayer layer = PolicyLayer::admin;
    std::string description;
    std::string digest; ///< sha256_hex of the effective policy's text, seccomp profile included
    ChimeraX chimerax;
    Lifecycle lifecycle;
    Recovery recovery;
    PolicyAdmission admission;
    Resources resources;
    Filesystem filesystem;
    Publish publish = Publish::none;
    std::string seccomp_profile; ///< its name: policies/seccomp/<name>.json
    Logs logs;
    CommandAudit audit_commands = CommandAudit::none;
    Ceilings override_ceilings;
};

/// What a caller asked for. Checked against the policy's Ceilings by `apply_overrides`, in the manager and
/// again in the launcher.
struct Overrides {
    std::optional<Bytes> memory_max;
    std::optional<double> cpus;
    std::optional<std::uint64_t> pids_max;
    std::map<std::string, std::string> environment;

    bool operator==(const Overrides&) const = default;
};

/// The policy with the overrides in it. Throws Error denied, with the field and the ceiling, where the policy
/// does not allow one; invalid_argument where the value makes no sense (0 CPUs, tmpfs sizes over the memory).
Policy apply_overrides(const Policy& policy, const Overrides& overrides);

} // namespace sandbox::policy
