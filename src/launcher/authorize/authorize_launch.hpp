#pragma once

#include "launcher/spec/sandbox_spec.hpp"
#include "sandbox/policy/policy_set.hpp"
#include "sandbox/protocol/message.hpp"

#include <string>
#include <utility>

namespace sandbox::launcher {

struct LaunchPlan {
    policy::Tenant tenant;
    SandboxSpec spec;
};

/// The policies and tenants that are in force: read at the start and by each reload, only where root alone
/// could have written them. A file that is wrong at the start spoils no other; a reload takes all or nothing.
class Rules {
  public:
    /// Throws Error where a folder cannot be read.
    explicit Rules(const policy::Site& site);
    /// For tests, whose files are not root's.
    explicit Rules(policy::Rulebook rulebook) : rulebook_(std::move(rulebook)) {}

    /// Throws Error, and leaves what is in force: where any file is wrong, and conflict where they are not
    /// those of the `digest` that the manager has read (empty: nobody's).
    void reload(const policy::Site& site, const std::string& digest);

    /// Throw the error of its file, or not_found. The reference holds until the next reload.
    const policy::LoadedPolicy& policy(const std::string& name) const;
    const policy::Tenant& tenant(const std::string& name) const;

  private:
    policy::Rulebook rulebook_;
};

/// Turns a request of the manager, who is not trusted, into a plan: the digest of the policy that is in
/// force here, the tenant's right to the policy and the overrides' ceilings are checked here. Throws Error.
LaunchPlan authorize_launch(const policy::Site& site, const Rules& rules, const protocol::Launch& request);

/// The reserved name of policy and tenant under which an installation of ChimeraX is looked at before tenants
/// use it.
inline constexpr const char* kProbe = "probe";

} // namespace sandbox::launcher
