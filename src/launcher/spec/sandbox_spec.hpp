#pragma once

#include "sandbox/base/bytes.hpp"
#include "sandbox/chimerax/installation.hpp"
#include "sandbox/policy/policy.hpp"
#include "sandbox/policy/seccomp_profile.hpp"
#include "sandbox/policy/site.hpp"
#include "sandbox/policy/tenant.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace sandbox::launcher {

inline constexpr std::uint32_t kInsideUid =
    1000; ///< ChimeraX forces HOME to a folder that is not there when it runs as 0
inline constexpr const char* kHome = "/home/chimerax";
inline constexpr const char* kWork = "/work";
inline constexpr const char* kStart = "/run/chimerax-start"; ///< read-only: what ChimeraX runs at its start
inline constexpr const char* kRuntime =
    "/tmp/runtime-chimerax"; ///< XDG_RUNTIME_DIR, which Qt wants with 0700
inline constexpr const char* kHostName = "sandbox";
inline constexpr int kOomScore = 300; ///< a session goes before anything of the host's own

struct BindMount {
    std::string source, target;
    bool directory = false;
    bool device = false; ///< nodev is left off
    bool operator==(const BindMount&) const = default;
};

struct Symlink {
    std::string path, text;
    bool operator==(const Symlink&) const = default;
};

struct TmpfsMount {
    std::string target;
    Bytes size;
    std::uint64_t inodes = 0;
    bool operator==(const TmpfsMount&) const = default;
};

struct GeneratedFile {
    std::string path, content;
    bool operator==(const GeneratedFile&) const = default;
};

struct ResourceLimit {
    int resource = 0; ///< RLIMIT_*
    std::uint64_t value = 0;
    bool operator==(const ResourceLimit&) const = default;
};

enum class Group { session, init, payload };

/// One write to a file of one of the session's cgroups. Files of a controller that the host lacks are either
/// an error or listed as not enforced, by the policy's word.
struct CgroupSetting {
    Group group = Group::session;
    std::string file, value;
    std::string controller; ///< empty: part of the core
    bool operator==(const CgroupSetting&) const = default;
};

/// All of a sandbox as plain data: nothing that happens later takes another decision.
struct SandboxSpec {
    std::string session;
    std::uint32_t slot = 0;
    std::string tenant, policy, digest;

    std::uint32_t uid = 0; ///< on the host, and gid; inside both are kInsideUid
    std::string link;      ///< of the near end, in the gateway namespace
    std::string near_address, address;
    std::uint16_t port = 0;
    bool publish = false;

    bool strict = true;
    std::vector<CgroupSetting> cgroup;
    Bytes memory_max;
    std::optional<double> cpus;
    std::uint64_t pids_max = 0;

    std::vector<std::string> directories; ///< made in the root, parents first
    std::vector<Symlink> symlinks;
    std::vector<BindMount> binds; ///< parents before what lies in them
    std::vector<TmpfsMount> tmpfs;
    std::vector<std::string> private_directories;           ///< the session's own on its tmpfs, mode 0700
    std::vector<std::string> masked_paths, read_only_paths; ///< in /proc
    std::vector<GeneratedFile> files;

    std::vector<ResourceLimit> limits;
    std::string seccomp_name;
    policy::SeccompProfile seccomp;
    bool learns = false; ///< its system calls are counted: syscall_recorder.hpp

    std::string executable;        ///< of ChimeraX, on the host
    std::string inside_executable; ///< the same, as the session sees it
    bool stand_in = false;
    std::vector<std::string> argv;
    std::vector<std::string> environment; ///< NAME=value
    std::string cwd;
    Bytes log_size;
};

/// What the host has at a path, without following a link in its last part.
struct HostEntry {
    enum class Kind { missing, directory, file, device, link };
    Kind kind = Kind::missing;
    std::string link_text = {};          ///< link only
    std::string real_path = {};          ///< link only: where it leads in the end; empty when that is nowhere
    bool real_path_is_directory = false; ///< link only
};
using HostLookup = std::function<HostEntry(const std::string& path)>;
HostEntry look_up_host(const std::string& path);

struct SandboxSpecInput {
    const policy::Site& site;
    const policy::Policy& policy; ///< with the overrides in it
    const policy::Tenant& tenant;
    const policy::SeccompProfile& seccomp;
    const chimerax::Installation& installation;
    std::string session;
    std::uint32_t slot = 0;
    std::map<std::string, std::string> environment; ///< the caller's
    bool learns = false;
};

/// Takes every decision; touches nothing but `lookup`. Throws Error when a path that the policy names is not
/// on the host.
SandboxSpec make_sandbox_spec(const SandboxSpecInput& input, const HostLookup& lookup);

/// For `sandbox-launcher --plan` and tests: indented JSON.
std::string to_json(const SandboxSpec& spec);

/// The addresses of a slot: a /31 of 198.18.0.0/15, which RFC 2544 keeps for benchmarks and no network uses.
std::string near_address(std::uint32_t slot);
std::string session_address(std::uint32_t slot);
std::string link_name(std::uint32_t slot);

} // namespace sandbox::launcher
