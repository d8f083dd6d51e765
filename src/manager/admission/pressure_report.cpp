#include "manager/admission/pressure_report.hpp"

#include "manager/admission/drain.hpp"
#include "manager/admission/scheduler.hpp"

namespace sandbox::manager {
namespace {

constexpr std::chrono::seconds kAway{5};

/// A create of anybody: the limits of tenants and policies are their own affair.
std::optional<Retry> refuses(Core& core, const Capacity& taken) {
    if (core.leaving)
        return Retry{kAway, "handover"};
    if (core.shutting_down)
        return Retry{kAway, "shutting_down"};
    if (core.draining)
        return Retry{kDrainRetry, "draining"};
    if (!core.launcher->connected())
        return Retry{kAway, "launcher_away"};
    if (const Gate* gate = closed_gate(core.admission.gates.gates()))
        return Retry{kPressureRetry, gate->name};
    const bool waits =
        taken.sessions() >= taken.limits().sessions || core.admission.queue_waits_for != Shortage::none;
    if (!waits || core.admission.waiting.size() < core.site.admission.queue_length)
        return std::nullopt;
    const SteadyTime now = std::chrono::steady_clock::now();
    if (core.admission.waiting.size() == 0)
        return Retry{core.admission.retries.estimate(0, now), std::string(to_text(Shortage::host_sessions))};
    return Retry{core.admission.retries.next("", core.admission.waiting.deadlines(), now), "queue_full"};
}

} // namespace

PressureView pressure_of(Core& core) {
    const Capacity taken = taken_places(core);
    PressureView view;
    view.refuses = refuses(core, taken);
    view.gates = core.admission.gates.gates();
    view.sessions = taken.sessions();
    view.sessions_max = taken.limits().sessions;
    view.memory_promised = taken.memory();
    view.memory_max = taken.limits().memory;
    view.memory_overcommit = core.site.admission.memory_overcommit;
    for (const auto& [number, session] : core.registry.all_live())
        view.starting += session->place.starts ? 1 : 0;
    view.starts_at_once = core.site.admission.starts_at_once;
    view.queue_length = core.admission.waiting.size();
    view.queue_max = core.site.admission.queue_length;
    view.queue_timeout = core.site.admission.queue_timeout;
    return view;
}

} // namespace sandbox::manager
