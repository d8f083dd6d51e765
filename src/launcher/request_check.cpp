#include "sandbox/launcher/request_check.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/id.hpp"

#include <algorithm>

namespace sandbox::launcher {
namespace {

constexpr auto kTrust = policy::Trust::root_owned_only;
constexpr std::size_t kKept = 64; ///< policies; any one makes room for the next

/// Another policy's ChimeraX and file system under narrow limits, for nobody: no publishing, nothing to
/// override.
policy::Policy probe_policy(policy::Policy of) {
    of.name = kProbe;
    of.publish = policy::Publish::none;
    of.override_ceilings = {};
    of.resources.cpus = std::min(of.resources.cpus.value_or(1.0), 1.0);
    return of;
}

policy::Tenant probe_tenant() {
    policy::Tenant tenant;
    tenant.name = kProbe;
    tenant.max_sessions = 1;
    tenant.policies = {kProbe};
    return tenant;
}

} // namespace

const policy::LoadedPolicy& PolicyCache::get(const std::string& policies_dir, const std::string& name) {
    if (const auto known = policies_.find(name);
        known != policies_.end() && policy::still_holds(known->second, kTrust))
        return known->second;
    policies_.erase(name);
    policy::LoadedPolicy loaded = policy::load_whole_policy(policies_dir, name, kTrust);
    if (policies_.size() == kKept)
        policies_.erase(policies_.begin());
    return policies_.emplace(name, std::move(loaded)).first->second;
}

LaunchPlan check_launch(const policy::Site& site, PolicyCache& policies, const protocol::Launch& request) {
    const bool probe = request.policy == kProbe && request.tenant == kProbe;
    const std::string& file = probe ? request.probe_of : request.policy;
    if (!is_policy_name(file))
        throw Error(Errc::invalid_argument, "\"" + file + "\" is no policy name",
                    "see `sandboxctl policy ls`", "policy");
    if (!is_tenant_name(request.tenant))
        throw Error(Errc::invalid_argument, "\"" + request.tenant + "\" is no tenant name",
                    "1 to 32 of a-z, 0-9 and _", "tenant");
    const policy::LoadedPolicy& loaded = policies.get(site.policies_dir, file);
    policy::Policy policy = loaded.policy;
    if (policy.digest != request.digest)
        throw Error(Errc::conflict, "policy " + file + " has changed since the manager read it",
                    "reload the manager", "digest");
    policy::Tenant tenant =
        probe ? probe_tenant() : policy::load_tenant(site.tenants_dir, request.tenant, kTrust);
    if (probe)
        policy = probe_policy(std::move(policy));
    if (std::ranges::find(tenant.policies, policy.name) == tenant.policies.end())
        throw Error(Errc::denied, "tenant " + tenant.name + " may not use policy " + policy.name,
                    "add it to `policies` in the tenant's file", "policy");
    policy = policy::apply_overrides(
        policy, {request.memory_max, request.cpus, request.pids_max, request.environment});
    const chimerax::Installation installation = chimerax::find_installation(policy.chimerax.executable);
    Blueprint blueprint = make_blueprint({.site = site,
                                          .policy = policy,
                                          .tenant = tenant,
                                          .seccomp = loaded.seccomp,
                                          .installation = installation,
                                          .session = request.session,
                                          .slot = request.slot,
                                          .environment = request.environment},
                                         look_up_host);
    return {std::move(tenant), std::move(blueprint)};
}

} // namespace sandbox::launcher
