#pragma once

#include "launcher/host/launcher_context.hpp"
#include "launcher/sandbox/sandbox.hpp"

#include <string>

namespace sandbox::launcher {

/// What the kernel itself says of a sandbox, as a JSON object that goes in one packet: cgroup files,
/// processes, namespaces, mounts, addresses, id maps, seccomp, capabilities, limits, start timeline, and
/// beside it what the session's policy promised. Reads files of /proc and the cgroup only; what a tenant can
/// name is a JSON string, and what it can make many of is cut off, which `truncated` tells.
std::string inspect(const LauncherContext& context, const Sandbox& sandbox);

} // namespace sandbox::launcher
