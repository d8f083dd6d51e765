#pragma once

#include "launcher/authorize/authorize_launch.hpp"
#include "launcher/sandbox/sandbox.hpp"
#include "sandbox/protocol/message.hpp"

#include <vector>

namespace sandbox::launcher {

/// Writes other limits to the cgroup of a sandbox that runs, and its facts; returns what it wrote. The
/// manager is not trusted: its policy is the one in force here, and must be the one that the sandbox was made
/// by; the ceilings are checked here. Throws Error; conflict where more memory is in use than the new limit,
/// or the policy has changed.
std::vector<CgroupSetting> change_limits(const Rules& rules, Sandbox& sandbox,
                                         const protocol::SetLimits& request);

} // namespace sandbox::launcher
