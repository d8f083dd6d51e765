#include "manager/admission/pressure_report.hpp"

#include "manager/admission/drain.hpp"
#include "manager/admission/scheduler.hpp"
#include "manager/session/launcher_client.hpp"

namespace sandbox::manager {
namespace {

constexpr std::chrono::seconds kAway{5};

/// A create of anybody: the limits of tenants and policies are their own affair.
std::optional<Retry> refuses(Context& context, const Capacity& taken) {
    if (context.leaving)
        return Retry{kAway, "handover"};
    if (context.shutting_down)
        return Retry{kAway, "shutting_down"};
    if (context.draining)
        return Retry{kDrainRetry, "draining"};
    if (!context.launcher->connected())
        return Retry{kAway, "launcher_away"};
    if (const Gate* gate = closed_gate(context.admission.gates.gates()))
        return Retry{kPressureRetry, gate->name};
    const bool waits =
        taken.sessions() >= taken.limits().sessions || context.admission.queue_waits_for != Shortage::none;
    if (!waits || context.admission.waiting.size() < context.site.admission.queue_length)
        return std::nullopt;
    const SteadyTime now = std::chrono::steady_clock::now();
    if (context.admission.waiting.size() == 0)
        return Retry{context.admission.retries.estimate(0, now),
                     std::string(to_text(Shortage::host_sessions))};
    return Retry{context.admission.retries.next("", context.admission.waiting.deadlines(), now),
                 "queue_full"};
}

} // namespace

PressureView pressure_of(Context& context) {
    const Capacity taken = reserved_capacity(context);
    PressureView view;
    view.refuses = refuses(context, taken);
    view.gates = context.admission.gates.gates();
    view.sessions = taken.sessions();
    view.sessions_max = taken.limits().sessions;
    view.memory_promised = taken.memory();
    view.memory_max = taken.limits().memory;
    view.memory_overcommit = context.site.admission.memory_overcommit;
    for (const auto& [number, session] : context.registry.all_live())
        view.starting += session->reservation.starts ? 1 : 0;
    view.starts_at_once = context.site.admission.starts_at_once;
    view.queue_length = context.admission.waiting.size();
    view.queue_max = context.site.admission.queue_length;
    view.queue_timeout = context.site.admission.queue_timeout;
    return view;
}

} // namespace sandbox::manager
