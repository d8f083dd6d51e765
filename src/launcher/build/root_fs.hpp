#pragma once

#include "launcher/spec/launch_step.hpp"
#include "launcher/spec/sandbox_spec.hpp"

#include <functional>

namespace sandbox::launcher {

/// Builds the sandbox's root file system and makes it the root of this mount namespace, which must be new and
/// belong to this process alone. `anchor` is an empty folder of the host to put it on meanwhile. Calls `done`
/// after each of its steps. Throws Error.
void enter_new_root(const SandboxSpec& spec, const std::string& anchor,
                    const std::function<void(Step)>& done);

} // namespace sandbox::launcher
