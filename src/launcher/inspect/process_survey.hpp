#pragma once

#include "launcher/sandbox/sandbox.hpp"

#include <array>
#include <set>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace sandbox::launcher {

/// The kinds of namespaces that a sandbox has of its own, as in /proc/PID/ns.
inline constexpr std::array kNamespaceKinds{"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"};

/// What the kernel says of all processes in the session's cgroup and of all in its pid namespace, bounded
/// whatever a tenant starts: `processes` (the first of them), `examined` and whether there are `more`;
/// `confinement`, each way in which processes are confined, with how many are; `highest_limits` and
/// `lowest_oom_score_adj` of them all; `foreign`, those in the cgroup from elsewhere; `outside`, those of the
/// sandbox in another cgroup; and descriptors of files that are on no mount of the sandbox. `mounts` are the
/// ids of those that it has.
nlohmann::json process_facts(const Sandbox& sandbox, const std::set<std::string>& mounts);

} // namespace sandbox::launcher
