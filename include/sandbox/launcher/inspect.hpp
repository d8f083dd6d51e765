#pragma once

#include "sandbox/launcher/construction.hpp"

#include <string>

namespace sandbox::launcher {

/// What the kernel itself says of a sandbox, as a JSON object: cgroup files, processes, namespaces, mounts,
/// addresses, id maps, seccomp, capabilities, limits, start timeline. Reads files of /proc and the cgroup
/// only; what a tenant can name is a JSON string.
std::string inspect(const Sandbox& sandbox);

} // namespace sandbox::launcher
