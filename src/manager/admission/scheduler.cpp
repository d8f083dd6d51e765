#include "manager/admission/scheduler.hpp"

#include "manager/admission/retire.hpp"
#include "sandbox/base/log.hpp"

#include <algorithm>
#include <limits>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

/// The tenant's limit as its file says now. One whose file is broken or gone gets no more places.
std::uint64_t sessions_of_tenant(const Core& core, const std::string& name) {
    try {
        return core.catalog.tenant(name).max_sessions;
    } catch (const Error&) {
        return 0;
    }
}

/// Of one that was adopted the kernel's limit is known, and its policy only in part.
Bytes memory_of(const Session& session) {
    return session.facts.enforced.memory_max.value_or(session.policy.resources.memory_max);
}

std::size_t count_starting(const Core& core) {
    return static_cast<std::size_t>(std::ranges::count_if(
        core.registry.all_live(), [](const auto& entry) { return entry.second->place.starts; }));
}

void fill_places(Core& core) {
    Admission& admission = core.admission;
    if (admission.waiting.size() == 0) {
        admission.queue_waits_for = Shortage::none;
        return;
    }
    Capacity taken = taken_places(core);
    const auto look = [&](const StartQueue::Entry& entry) {
        const SessionPtr session = core.registry.live(entry.id);
        if (!session)
            return StartQueue::Answer::take;
        const Shortage shortage = taken.shortage(need_of(core, *session));
        if (concerns_all(shortage)) {
            admission.queue_waits_for = shortage;
            return StartQueue::Answer::stop;
        }
        return shortage == Shortage::none ? StartQueue::Answer::take : StartQueue::Answer::pass;
    };
    for (;;) {
        admission.queue_waits_for = Shortage::none;
        const auto next = admission.waiting.take(look);
        if (!next)
            return;
        const SessionPtr session = core.registry.live(next->id);
        if (!session) // ended in a way that went wrong
            continue;
        session->place.taken = true;
        taken.add(need_of(core, *session));
        admission.turns.push(*next);
    }
}

void give_turns(Core& core) {
    Admission& admission = core.admission;
    if (admission.turns.size() == 0 || closed_gate(admission.gates.gates()) != nullptr)
        return;
    std::size_t starting = count_starting(core);
    while (starting < core.site.admission.starts_at_once) {
        const auto next =
            admission.turns.take([](const StartQueue::Entry&) { return StartQueue::Answer::take; });
        if (!next)
            return;
        const SessionPtr session = core.registry.live(next->id);
        if (!session)
            continue;
        ++starting;
        session->place.starts = true;
        session->place.turn_at = std::chrono::steady_clock::now();
        session->changed.notify();
    }
}

std::string what_was_missing(Core& core, const Session& session) {
    if (!session.place.taken)
        return "no place was free (" +
               std::string(to_text(taken_places(core).shortage(need_of(core, session)))) + ")";
    if (const Gate* gate = closed_gate(core.admission.gates.gates()))
        return "the host has too much to do (" + gate->name + ")";
    return "its turn to be started did not come";
}

void time_out(Core& core, const SessionPtr& session) {
    const auto waited =
        std::chrono::duration_cast<std::chrono::seconds>(session->place.deadline - session->place.since);
    session->want_end(EndReason::queue_timeout, "It waited for " + format_duration(waited) + ", and " +
                                                    what_was_missing(core, *session) +
                                                    ". Try again later, or wait longer in the queue.");
    finish(core, session, judge(session->intent(), {}, {}), "the time in the queue is over");
}

} // namespace

Need need_of(const Core& core, const Session& session) {
    Need need;
    need.tenant = session.facts.tenant;
    need.policy = session.facts.policy;
    need.memory = memory_of(session);
    if (session.kind() == Kind::probe) {
        need.tenant_max = std::numeric_limits<std::uint64_t>::max();
    } else {
        need.tenant_max = sessions_of_tenant(core, need.tenant);
        need.policy_max = session.policy.admission.max_sessions;
    }
    return need;
}

Capacity taken_places(const Core& core) {
    Capacity taken(core.admission.limits);
    for (const auto& [number, session] : core.registry.all_live()) {
        if (session->place.taken)
            taken.add({session->facts.tenant, 0, session->facts.policy, {}, memory_of(*session)});
    }
    return taken;
}

Shortage shortage_of(const Core& core, const Need& need) {
    const Shortage own = taken_places(core).shortage(need);
    return own == Shortage::none ? core.admission.queue_waits_for : own;
}

void enter_queue(Core& core, Session& session, bool has_place, Duration timeout) {
    session.place.taken = has_place;
    session.place.since = std::chrono::steady_clock::now();
    session.place.deadline = session.place.since + timeout;
    StartQueue& queue = has_place ? core.admission.turns : core.admission.waiting;
    queue.push({session.id(), session.facts.tenant, session.place.deadline});
    move_queue(core);
}

void enter_queue_again(Core& core, Session& session) {
    const std::uint64_t restarts =
        session.policy.recovery.max_restarts; // its caller may have asked for fewer
    try {
        session.policy =
            policy::apply_overrides(core.catalog.policy(session.facts.policy), session.overrides);
        session.policy.recovery.max_restarts = std::min(session.policy.recovery.max_restarts, restarts);
    } catch (const Error& error) {
        log::warning({session.id(), session.facts.tenant},
                     "session " + session.id() + ": " + error.what()); // its launch will say so
    }
    session.place.taken = false;
    enter_queue(core, session, shortage_of(core, need_of(core, session)) == Shortage::none,
                core.site.admission.queue_timeout);
}

void move_queue(Core& core) {
    if (core.shutting_down || core.leaving)
        return;
    fill_places(core);
    give_turns(core);
}

void leave_queue(Core& core, Session& session) {
    core.admission.waiting.remove(session.id());
    core.admission.turns.remove(session.id());
    if (session.place.taken)
        core.admission.retries.freed(std::chrono::steady_clock::now());
    session.place.starts = false;
    move_queue(core);
}

void end_turn(Core& core, Session& session) {
    session.place.starts = false;
    move_queue(core);
}

asio::awaitable<bool> wait_for_turn(CorePtr core, SessionPtr session) {
    while (session->state() == State::queued && !session->place.starts) {
        const SteadyTime now = std::chrono::steady_clock::now();
        if (now >= session->place.deadline) {
            time_out(*core, session);
            co_return false;
        }
        co_await session->changed.wait_until(
            std::min(session->place.deadline, now + core->tuning.queue_recheck));
        // The host's load falls without a word.
        if (session->state() == State::queued && !session->place.starts)
            move_queue(*core);
    }
    co_return session->state() == State::queued;
}

} // namespace sandbox::manager
