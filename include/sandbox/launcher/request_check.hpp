#pragma once

#include "sandbox/launcher/blueprint.hpp"
#include "sandbox/protocol/message.hpp"

namespace sandbox::launcher {

struct LaunchPlan {
    policy::Tenant tenant;
    Blueprint blueprint;
};

/// Turns a request of the manager, who is not trusted, into a plan: policy and tenant are read here, only
/// where root alone could have written them; the digest, the tenant's right to the policy and the overrides'
/// ceilings are checked here. Throws Error.
LaunchPlan check_launch(const policy::Site& site, const protocol::Launch& request);

/// The reserved name of policy and tenant under which an installation of ChimeraX is looked at before tenants
/// use it.
inline constexpr const char* kProbe = "probe";

} // namespace sandbox::launcher
