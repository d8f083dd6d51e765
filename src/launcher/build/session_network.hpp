#pragma once

#include "launcher/host/launcher_context.hpp"
#include "launcher/spec/sandbox_spec.hpp"

namespace sandbox::launcher {

/// A network namespace that belongs to the host's user namespace, with lo, and eth0 whose other end is in the
/// gateway namespace behind the reply filter. It goes when its last holder does: processes in it, or this
/// descriptor.
UniqueFd make_session_network(LauncherContext& context, const SandboxSpec& spec);

} // namespace sandbox::launcher
