#include "launcher/authorize/authorize_launch.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/base/log.hpp"

#include <algorithm>

namespace sandbox::launcher {
namespace {

constexpr auto kTrust = policy::Trust::root_owned_only;

template <typename T>
const T& find(const std::map<std::string, std::variant<T, Error>>& entries, const std::string& kind,
              const std::string& name) {
    const auto entry = entries.find(name);
    if (entry == entries.end())
        throw Error(Errc::not_found, "no " + kind + " " + name + " is in force",
                    "`sandboxctl " + kind + " ls` lists what is; `sandboxctl admin reload` takes a new file",
                    kind);
    if (const auto* error = std::get_if<Error>(&entry->second))
        throw *error;
    return std::get<T>(entry->second);
}

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

Rules::Rules(const policy::Site& site) : rulebook_(policy::read_rulebook(site, kTrust)) {
    for (const Error& error : rulebook_.errors())
        log::error_lines("left out: " + error.full());
}

void Rules::reload(const policy::Site& site, const std::string& digest) {
    policy::SiteFiles files = policy::read_site_files(site, kTrust);
    if (!digest.empty() && files.digest != digest)
        throw Error(Errc::conflict, "the files of the site have changed since the manager read them",
                    "Reload again.", "digest");
    rulebook_ = std::move(files.rulebook);
}

const policy::LoadedPolicy& Rules::policy(const std::string& name) const {
    return find(rulebook_.policies, "policy", name);
}

const policy::Tenant& Rules::tenant(const std::string& name) const {
    return find(rulebook_.tenants, "tenant", name);
}

LaunchPlan authorize_launch(const policy::Site& site, const Rules& rules, const protocol::Launch& request) {
    const bool probe = request.policy == kProbe && request.tenant == kProbe;
    const std::string& file = probe ? request.probe_of : request.policy;
    if (!is_policy_name(file))
        throw Error(Errc::invalid_argument, "\"" + file + "\" is not a valid policy name",
                    "see `sandboxctl policy ls`", "policy");
    if (!is_tenant_name(request.tenant))
        throw Error(Errc::invalid_argument, "\"" + request.tenant + "\" is not a valid tenant name",
                    "1 to 32 of a-z, 0-9 and _", "tenant");
    const policy::LoadedPolicy& loaded = rules.policy(file);
    policy::Policy policy = loaded.policy;
    if (policy.digest != request.digest)
        throw Error(Errc::conflict, "policy " + file + " is in force as another one than the manager read",
                    "`sandboxctl admin reload`", "digest");
    policy::Tenant tenant = probe ? probe_tenant() : rules.tenant(request.tenant);
    if (probe)
        policy = probe_policy(std::move(policy));
    if (std::ranges::find(tenant.policies, policy.name) == tenant.policies.end())
        throw Error(Errc::denied, "tenant " + tenant.name + " may not use policy " + policy.name,
                    "add it to `policies` in the tenant's file", "policy");
    policy = policy::apply_overrides(
        policy, {request.memory_max, request.cpus, request.pids_max, request.environment});
    const chimerax::Installation installation = chimerax::find_installation(policy.chimerax.executable);
    SandboxSpec spec = make_sandbox_spec({.site = site,
                                          .policy = policy,
                                          .tenant = tenant,
                                          .seccomp = loaded.seccomp,
                                          .installation = installation,
                                          .session = request.session,
                                          .slot = request.slot,
                                          .environment = request.environment,
                                          .learns = request.learns},
                                         look_up_host);
    return {std::move(tenant), std::move(spec)};
}

} // namespace sandbox::launcher
