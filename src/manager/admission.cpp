#include "core.hpp"
#include "sandbox/base/id.hpp"

#include <algorithm>

namespace sandbox::manager {
namespace {

constexpr std::size_t kMaxName = 256, kMaxLabels = 64, kMaxLabelKey = 128, kMaxLabelValue = 1024;

void check_texts(const CreateRequest& request) {
    if (request.name.size() > kMaxName)
        throw Error(Errc::invalid_argument, "the name is longer than 256 bytes", "Use a shorter one.",
                    "name");
    if (request.labels.size() > kMaxLabels)
        throw Error(Errc::invalid_argument, "more than 64 labels", "Use fewer.", "labels");
    for (const auto& [key, value] : request.labels) {
        if (key.empty() || key.size() > kMaxLabelKey || value.size() > kMaxLabelValue) {
            throw Error(Errc::invalid_argument, "a label's key has 1 to 128 bytes, its value at most 1024",
                        {}, "labels." + key);
        }
    }
}

/// The tenant's policy for this request: the one that it names, or the tenant's first.
const policy::Policy& choose_policy(const Catalog& catalog, const policy::Tenant& tenant,
                                    const std::string& asked) {
    if (asked.empty() && tenant.policies.empty())
        throw Error(Errc::denied, "tenant " + tenant.name + " has no policy",
                    "An admin of the site must allow one in the tenant's file.", "policy");
    const policy::Policy& policy = catalog.policy(asked.empty() ? tenant.policies.front() : asked);
    if (std::ranges::find(tenant.policies, policy.name) == tenant.policies.end()) {
        throw Error(Errc::denied, "tenant " + tenant.name + " may not use the policy " + policy.name,
                    "Use one that the tenant's file allows.", "policy");
    }
    return policy;
}

void check_quota(const Core& core, const policy::Tenant& tenant) {
    if (core.registry.live_count_of_tenant(tenant.name) >= tenant.max_sessions) {
        throw Error(Errc::quota,
                    "tenant " + tenant.name + " has its " + std::to_string(tenant.max_sessions) +
                        " sessions already",
                    "End one, or wait until one has ended.", "tenant");
    }
}

void check_open(const Core& core) {
    if (core.shutting_down)
        throw Error(Errc::unavailable, "the manager is shutting down", "Try again when it is back.");
    if (!core.launcher->connected())
        throw Error(Errc::unavailable, "the launcher cannot be reached, so no session can be made",
                    "See whether sandbox-launcher runs, and try again.");
}

SessionView first_facts(const CreateRequest& request, const policy::Policy& policy) {
    SessionView facts;
    facts.id = new_session_id();
    facts.name = request.name;
    facts.tenant = request.tenant;
    facts.policy = policy.name;
    facts.policy_digest = policy.digest;
    facts.labels = request.labels;
    facts.created_at = std::chrono::system_clock::now();
    facts.asked = {request.overrides.memory_max, request.overrides.cpus, request.overrides.pids_max};
    return facts;
}

} // namespace

Created admit(Core& core, CreateRequest request) {
    check_texts(request);
    if (request.tenant == kProbe)
        throw Error(Errc::denied, "the tenant probe is this program's own", "Use another name.", "tenant");
    const policy::Tenant& tenant = core.catalog.tenant(request.tenant);
    const policy::Policy& policy = choose_policy(core.catalog, tenant, request.policy);
    policy::Policy effective = policy::apply_overrides(policy, request.overrides);
    check_open(core);
    check_quota(core, tenant);
    if (core.registry.all_live().size() >= core.site.slots) {
        throw Error(Errc::capacity,
                    "all " + std::to_string(core.site.slots) + " slots of this host are in use",
                    "Try again when a session has ended.");
    }
    const std::string token = new_token();
    auto session =
        std::make_shared<Session>(core.io, core.tuning, Kind::tenant, first_facts(request, policy),
                                  std::move(effective), std::move(request.overrides), sha256_hex(token));
    core.registry.add(session);
    return {view_of(core, *session), token};
}

} // namespace sandbox::manager
