#include "manager/admission/scheduler.hpp"

#include "manager/admission/retire.hpp"
#include "sandbox/base/log.hpp"

#include <algorithm>
#include <limits>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

/// The tenant's limit as its file says now. One whose file is broken or gone gets no more places.
std::uint64_t sessions_of_tenant(const Context& context, const std::string& name) {
    try {
        return context.catalog.tenant(name).max_sessions;
    } catch (const Error&) {
        return 0;
    }
}

/// Of one that was adopted the kernel's limit is known, and its policy only in part.
Bytes memory_of(const Session& session) {
    return session.facts.enforced.memory_max.value_or(session.policy.resources.memory_max);
}

std::size_t count_starting(const Context& context) {
    return static_cast<std::size_t>(std::ranges::count_if(
        context.registry.all_live(), [](const auto& entry) { return entry.second->reservation.starts; }));
}

void fill_places(Context& context) {
    AdmissionState& admission = context.admission;
    if (admission.waiting.size() == 0) {
        admission.queue_waits_for = Shortage::none;
        return;
    }
    Capacity taken = reserved_capacity(context);
    const auto look = [&](const FairQueue::Entry& entry) {
        const SessionPtr session = context.registry.live(entry.id);
        if (!session)
            return FairQueue::Decision::take;
        const Shortage shortage = taken.shortage(need_of(context, *session));
        if (concerns_all(shortage)) {
            admission.queue_waits_for = shortage;
            return FairQueue::Decision::stop;
        }
        return shortage == Shortage::none ? FairQueue::Decision::take : FairQueue::Decision::pass;
    };
    for (;;) {
        admission.queue_waits_for = Shortage::none;
        const auto next = admission.waiting.take(look);
        if (!next)
            return;
        const SessionPtr session = context.registry.live(next->id);
        if (!session) // ended in a way that went wrong
            continue;
        session->reservation.taken = true;
        taken.add(need_of(context, *session));
        admission.turns.push(*next);
    }
}

void give_turns(Context& context) {
    AdmissionState& admission = context.admission;
    if (admission.turns.size() == 0 || closed_gate(admission.gates.gates()) != nullptr)
        return;
    std::size_t starting = count_starting(context);
    while (starting < context.site.admission.starts_at_once) {
        const auto next =
            admission.turns.take([](const FairQueue::Entry&) { return FairQueue::Decision::take; });
        if (!next)
            return;
        const SessionPtr session = context.registry.live(next->id);
        if (!session)
            continue;
        ++starting;
        session->reservation.starts = true;
        session->reservation.turn_at = std::chrono::steady_clock::now();
        session->changed.notify();
    }
}

std::string what_was_missing(Context& context, const Session& session) {
    if (!session.reservation.taken)
        return "no place was free (" +
               std::string(to_text(reserved_capacity(context).shortage(need_of(context, session)))) + ")";
    if (const Gate* gate = closed_gate(context.admission.gates.gates()))
        return "the host is overloaded (" + gate->name + ")";
    return "its turn to be started did not come";
}

void time_out(Context& context, const SessionPtr& session) {
    const auto waited = std::chrono::duration_cast<std::chrono::seconds>(session->reservation.deadline -
                                                                         session->reservation.since);
    session->request_end(EndReason::queue_timeout, "It waited for " + format_duration(waited) + ", and " +
                                                       what_was_missing(context, *session) +
                                                       ". Try again later, or wait longer in the queue.");
    retire(context, session, classify_end(session->intent()), "the time in the queue is over");
}

} // namespace

Need need_of(const Context& context, const Session& session) {
    Need need;
    need.tenant = session.facts.tenant;
    need.policy = session.facts.policy;
    need.memory = memory_of(session);
    if (session.kind() == Kind::probe) {
        need.tenant_max = std::numeric_limits<std::uint64_t>::max();
    } else {
        need.tenant_max = sessions_of_tenant(context, need.tenant);
        need.policy_max = session.policy.admission.max_sessions;
    }
    return need;
}

Capacity reserved_capacity(const Context& context) {
    Capacity taken(context.admission.limits);
    for (const auto& [number, session] : context.registry.all_live()) {
        if (session->reservation.taken)
            taken.add({session->facts.tenant, 0, session->facts.policy, {}, memory_of(*session)});
    }
    return taken;
}

Shortage shortage_of(const Context& context, const Need& need) {
    const Shortage own = reserved_capacity(context).shortage(need);
    return own == Shortage::none ? context.admission.queue_waits_for : own;
}

void enqueue(Context& context, Session& session, bool has_place, Duration timeout) {
    session.reservation.taken = has_place;
    session.reservation.since = std::chrono::steady_clock::now();
    session.reservation.deadline = session.reservation.since + timeout;
    FairQueue& queue = has_place ? context.admission.turns : context.admission.waiting;
    queue.push({session.id(), session.facts.tenant, session.reservation.deadline});
    schedule(context);
}

void enqueue_again(Context& context, Session& session) {
    const std::uint64_t restarts =
        session.policy.recovery.max_restarts; // its caller may have asked for fewer
    try {
        session.policy =
            policy::apply_overrides(context.catalog.policy(session.facts.policy), session.overrides);
        session.policy.recovery.max_restarts = std::min(session.policy.recovery.max_restarts, restarts);
    } catch (const Error& error) {
        log::warning({session.id(), session.facts.tenant},
                     "session " + session.id() + ": " + error.what()); // its launch will say so
    }
    session.reservation.taken = false;
    enqueue(context, session, shortage_of(context, need_of(context, session)) == Shortage::none,
            context.site.admission.queue_timeout);
}

void schedule(Context& context) {
    if (context.shutting_down || context.leaving)
        return;
    fill_places(context);
    give_turns(context);
}

void leave_queue(Context& context, Session& session) {
    context.admission.waiting.remove(session.id());
    context.admission.turns.remove(session.id());
    if (session.reservation.taken)
        context.admission.retries.freed(std::chrono::steady_clock::now());
    session.reservation.starts = false;
    schedule(context);
}

void end_turn(Context& context, Session& session) {
    session.reservation.starts = false;
    schedule(context);
}

asio::awaitable<bool> wait_for_turn(ContextPtr context, SessionPtr session) {
    while (session->state() == State::queued && !session->reservation.starts) {
        const SteadyTime now = std::chrono::steady_clock::now();
        if (now >= session->reservation.deadline) {
            time_out(*context, session);
            co_return false;
        }
        co_await session->changed.wait_until(
            std::min(session->reservation.deadline, now + context->tuning.queue_recheck));
        // The host's load falls without a word.
        if (session->state() == State::queued && !session->reservation.starts)
            schedule(*context);
    }
    co_return session->state() == State::queued;
}

} // namespace sandbox::manager
