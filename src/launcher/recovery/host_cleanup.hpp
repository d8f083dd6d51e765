#pragma once

#include "launcher/cgroup/driver.hpp"
#include "launcher/host/launcher_context.hpp"

namespace sandbox::launcher {

/// Ends every session that is there, and removes all that launchers made in run_dir and in the cgroup
/// hierarchy, the gateway namespace included: before the programs are removed from the host. Logs and state
/// stay. Throws Error where the kernel keeps something.
void tear_down(LauncherContext& context, CgroupDriver& driver);

} // namespace sandbox::launcher
