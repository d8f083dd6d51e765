#pragma once

#include "sandbox/launcher/blueprint.hpp"
#include "sandbox/policy/loaded_policy.hpp"
#include "sandbox/protocol/message.hpp"

#include <map>
#include <string>

namespace sandbox::launcher {

struct LaunchPlan {
    policy::Tenant tenant;
    Blueprint blueprint;
};

/// Policies as they were read last. Before each use their files are read again, and checked again for who
/// could write them; only what has changed is parsed again.
class PolicyCache {
  public:
    /// Throws Error as policy::load_policy. The reference holds until the next call.
    const policy::LoadedPolicy& get(const std::string& policies_dir, const std::string& name);

  private:
    std::map<std::string, policy::LoadedPolicy> policies_;
};

/// Turns a request of the manager, who is not trusted, into a plan: policy and tenant are read here, only
/// where root alone could have written them; the digest, the tenant's right to the policy and the overrides'
/// ceilings are checked here. Throws Error.
LaunchPlan check_launch(const policy::Site& site, PolicyCache& policies, const protocol::Launch& request);

/// The reserved name of policy and tenant under which an installation of ChimeraX is looked at before tenants
/// use it.
inline constexpr const char* kProbe = "probe";

} // namespace sandbox::launcher
