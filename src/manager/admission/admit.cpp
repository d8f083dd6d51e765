#include "manager/admission/admit.hpp"

#include "manager/accounting/registration.hpp"
#include "manager/admission/drain.hpp"
#include "manager/admission/scheduler.hpp"
#include "manager/session/launcher_client.hpp"
#include "manager/session/view.hpp"
#include "sandbox/base/id.hpp"

#include <algorithm>

namespace sandbox::manager {
namespace {

void check_texts(const CreateRequest& request) {
    if (request.name.size() > kMaxSessionName)
        throw Error(Errc::invalid_argument,
                    "the name is longer than " + std::to_string(kMaxSessionName) + " bytes",
                    "Use a shorter one.", "name");
    if (request.labels.size() > kMaxLabels)
        throw Error(Errc::invalid_argument, "more than " + std::to_string(kMaxLabels) + " labels",
                    "Use fewer.", "labels");
    for (const auto& [key, value] : request.labels) {
        if (key.empty() || key.size() > kMaxLabelKey || value.size() > kMaxLabelValue) {
            throw Error(Errc::invalid_argument,
                        "a label's key has 1 to " + std::to_string(kMaxLabelKey) +
                            " bytes, its value at most " + std::to_string(kMaxLabelValue),
                        "Use shorter ones.", "labels." + key);
        }
    }
}

/// The tenant's policy for this request: the one that it names, or the tenant's first.
const policy::Policy& choose_policy(const PolicyCatalog& catalog, const policy::Tenant& tenant,
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

/// No waiting would help.
void check_sessions_allowed(const policy::Tenant& tenant) {
    if (tenant.max_sessions == 0)
        throw Error(Errc::denied, "tenant " + tenant.name + " may have no sessions",
                    "An admin of the site must raise max_sessions in the tenant's file.", "tenant");
}

void check_open(const Context& context) {
    if (context.leaving)
        throw Error(Errc::unavailable, "the manager is handing over to the next one",
                    "Try again in a moment.");
    if (context.shutting_down)
        throw Error(Errc::unavailable, "the manager is shutting down", "Try again when it is back.");
    if (context.draining)
        throw draining_error();
    if (!context.launcher->connected())
        throw Error(Errc::unavailable, "the launcher cannot be reached, so no session can be made",
                    "See whether sandbox-launcher runs, and try again.");
}

/// What waits already is enough to load the host again when it has recovered.
void check_pressure(Context& context) {
    const Gate* gate = closed_gate(context.admission.gates.gates());
    if (gate == nullptr)
        return;
    throw Error(Errc::pressure,
                "the host is overloaded and takes no further session: " + gate->name + " is " +
                    std::to_string(static_cast<std::uint64_t>(*gate->value)) + " " + gate->unit +
                    ", the limit " + std::to_string(static_cast<std::uint64_t>(*gate->limit)),
                "Try again later, or at another host.")
        .with({kPressureRetry, gate->name});
}

Error shortage_error(const Context& context, const Need& need, Shortage shortage) {
    switch (shortage) {
    case Shortage::tenant_sessions:
        return {Errc::quota,
                "tenant " + need.tenant + " has its " + std::to_string(need.tenant_max) + " sessions already",
                "End one, or wait until one has ended.", "tenant"};
    case Shortage::policy_sessions:
        return {Errc::quota,
                "policy " + need.policy + " has its " + std::to_string(need.policy_max.value_or(0)) +
                    " sessions of this host already",
                "End one, or wait until one has ended.", "policy"};
    case Shortage::memory_budget:
        return {Errc::capacity,
                "of the host's " + context.admission.limits.memory.text() + " for sessions not " +
                    need.memory.text() + " are left for another",
                "Ask for less memory, or try again when a session has ended."};
    case Shortage::host_sessions:
    case Shortage::none:
        break;
    }
    return {Errc::capacity,
            "all " + std::to_string(context.admission.limits.sessions) + " places of this host are taken",
            "Try again when a session has ended."};
}

/// No tenant takes more than half of the queue, or it could shut all others out.
void check_may_wait(Context& context, const Need& need, Shortage shortage, Duration timeout) {
    const FairQueue& waiting = context.admission.waiting;
    RetryAfter& retries = context.admission.retries;
    const SteadyTime now = std::chrono::steady_clock::now();
    const Error error = shortage_error(context, need, shortage);
    const std::size_t length = context.site.admission.queue_length;
    if (timeout == Duration::zero() || length == 0)
        throw error.with({retries.estimate(waiting.size(), now), std::string(to_text(shortage))});
    if (waiting.size() >= length) {
        throw Error(error.code(),
                    std::string(error.what()) + ", and " + std::to_string(length) +
                        " sessions wait already, as many as may",
                    error.cure(), error.field())
            .with({retries.tell("", waiting.deadlines(), now), "queue_full"});
    }
    if (waiting.size_of(need.tenant) >= (length + 1) / 2) {
        throw Error(Errc::quota,
                    std::string(error.what()) + ", and tenant " + need.tenant +
                        " has half of the queue already",
                    error.cure(), "tenant")
            .with({retries.tell(need.tenant, waiting.deadlines_of(need.tenant), now), "tenant_queue_full"});
    }
}

/// Who was told a time finds room now, where the queue has some after this one came in.
void forget_promises(Context& context, const std::string& tenant) {
    const std::size_t length = context.site.admission.queue_length;
    if (context.admission.waiting.size() < length)
        context.admission.retries.forget("");
    if (context.admission.waiting.size_of(tenant) < (length + 1) / 2)
        context.admission.retries.forget(tenant);
}

/// Nothing was made, and the caller was told to try again: a client's library does so with the same key.
bool came_to_nothing(const SessionView& session) {
    return session.end && (session.end->reason == EndReason::queue_timeout ||
                           session.end->reason == EndReason::launch_failed);
}

/// What an earlier create with the same key made.
std::optional<Created> find_repeated(const Context& context, const IdempotencyKey& repeat) {
    const std::optional<std::string> id = context.admission.repeats.find(repeat);
    if (!id)
        return std::nullopt;
    const std::string token = context.admission.repeats.token_of(*id);
    if (const SessionView* ended = context.registry.ended(*id); ended != nullptr && !came_to_nothing(*ended))
        return Created{view_of(context, *ended), token, true};
    if (const SessionPtr session = context.registry.live(*id))
        return Created{view_of(context, *session), token, true};
    return std::nullopt;
}

void shorten(std::optional<Duration>& clock, const std::optional<Duration>& asked) {
    if (asked && (!clock || *asked < *clock))
        clock = asked;
}

/// Its crashes are then its end, sooner than the policy has it.
void limit_restarts(policy::Policy& policy, const std::optional<std::uint64_t>& asked) {
    if (!asked)
        return;
    if (*asked > policy.recovery.max_restarts)
        throw Error(Errc::denied,
                    "max_restarts: value " + std::to_string(*asked) + ": policy " + policy.name +
                        " allows at most " + std::to_string(policy.recovery.max_restarts),
                    "Ask for less, or for another policy.", "max_restarts");
    policy.recovery.max_restarts = *asked;
}

SessionView first_facts(const CreateRequest& request, const policy::Policy& policy) {
    SessionView facts;
    facts.id = new_session_id();
    facts.name = request.name;
    facts.tenant = request.tenant;
    facts.policy = policy.name;
    facts.policy_digest = policy.digest;
    facts.labels = request.labels;
    facts.learns = request.learns;
    facts.created_at = std::chrono::system_clock::now();
    facts.asked = {request.overrides.memory_max, request.overrides.cpus, request.overrides.pids_max};
    return facts;
}

Created admit_checked(Context& context, CreateRequest request) {
    check_texts(request);
    if (request.tenant == kProbe)
        throw Error(Errc::denied, "the tenant probe is this program's own", "Use another name.", "tenant");
    if (request.repeat) {
        if (std::optional<Created> repeated = find_repeated(context, *request.repeat))
            return *std::move(repeated);
    }
    const policy::Tenant& tenant = context.catalog.tenant(request.tenant);
    const policy::Policy& policy = choose_policy(context.catalog, tenant, request.policy);
    policy::Policy effective = policy::apply_overrides(policy, request.overrides);
    limit_restarts(effective, request.max_restarts);
    check_sessions_allowed(tenant);
    check_open(context);
    check_pressure(context);

    const Need need{tenant.name, tenant.max_sessions, policy.name, policy.admission.max_sessions,
                    effective.resources.memory_max};
    const Duration timeout = request.queue_timeout.value_or(context.site.admission.queue_timeout);
    const Shortage shortage = shortage_of(context, need);
    if (shortage != Shortage::none)
        check_may_wait(context, need, shortage, timeout);

    SessionView facts = first_facts(request, policy);
    const std::string token = request.repeat ? context.admission.repeats.token_of(facts.id) : new_token();
    auto session =
        std::make_shared<Session>(context.io, context.tuning, Kind::tenant, std::move(facts),
                                  std::move(effective), std::move(request.overrides), sha256_hex(token));
    shorten(session->lifecycle.end_after, request.idle_timeout);
    shorten(session->lifecycle.max_lifetime, request.max_lifetime);
    if (request.repeat) {
        session->repeat = mark_of(*request.repeat);
        note_repeat(context, *session->repeat, session->id());
    }
    register_session(context, session);
    // A caller who does not want to wait for a place still waits for the turn that comes with it.
    enqueue(context, *session, shortage == Shortage::none,
            timeout == Duration::zero() ? context.site.admission.queue_timeout : timeout);
    forget_promises(context, need.tenant);
    return {view_of(context, *session), token};
}

} // namespace

void note_repeat(Context& context, const IdempotencyMark& mark, const std::string& id) {
    context.admission.repeats.note(mark, id, [&](const std::string& known) {
        return context.registry.live(known) != nullptr || context.registry.ended(known) != nullptr;
    });
}

Created admit(Context& context, CreateRequest request) {
    try {
        return admit_checked(context, std::move(request));
    } catch (const Error& error) {
        context.counters.note_rejection(error);
        throw;
    }
}

} // namespace sandbox::manager
