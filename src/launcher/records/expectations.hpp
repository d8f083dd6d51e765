#pragma once

#include "launcher/host/launcher_context.hpp"
#include "launcher/spec/sandbox_spec.hpp"

#include <string>
#include <vector>

namespace sandbox::launcher {

/// What a session's policy promises of its sandbox, as a JSON object: each limit, mount with its flags, id,
/// address. From it `sandboxctl verify` tells whether the kernel holds it. Nothing of a caller's is in it, as
/// no environment and no arguments are. `init` is the sandbox's first process: beside each resource limit
/// stands the one that it was given, which is lower where the launcher could not raise its own. Later a
/// tenant can lower it, so that it would prove nothing.
std::string promise_json(const SandboxSpec& spec, pid_t init);

/// In the session's run folder, for root alone: a policy that is changed later changes no promise that was
/// made.
void write_expectations(const LauncherContext& context, const SandboxSpec& spec, pid_t init);
/// Limits that were changed while it runs.
void change_expectations(const LauncherContext& context, const std::string& session,
                         const std::vector<CgroupSetting>& changed);
/// Empty where there is none: the session was made by a launcher that kept none.
std::string read_expectations(const LauncherContext& context, const std::string& session);

} // namespace sandbox::launcher
