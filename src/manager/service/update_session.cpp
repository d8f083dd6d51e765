// What a caller changes of a session that lives: a new start of its ChimeraX, clocks, labels, limits.
#include "manager/service/update_session.hpp"

#include "manager/admission/scheduler.hpp"
#include "manager/engine/start_wait.hpp"
#include "manager/session/launcher_client.hpp"
#include "manager/session/persistence.hpp"
#include "manager/session/view.hpp"

#include <utility>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

void check_clock(const std::optional<Duration>& asked, const std::optional<Duration>& most,
                 const std::string& field) {
    if (asked && most && *asked > *most)
        throw Error(Errc::denied, "its policy allows at most " + format_duration(*most), "Ask for less.",
                    field);
}

/// More memory than it has counts against the host's budget like a new session's.
void check_budget(const Context& context, const Session& session, Bytes wanted) {
    const std::uint64_t has =
        session.facts.enforced.memory_max.value_or(session.policy.resources.memory_max).value;
    const std::uint64_t promised = reserved_capacity(context).memory().value;
    if (wanted.value > has && promised + (wanted.value - has) > context.admission.limits.memory.value)
        throw Error(Errc::capacity, "the host's memory for sessions is promised already",
                    "Ask for less, or try again when a session has ended.", "limits.memory_bytes");
}

/// Checked here for a clear answer, and by the launcher again, which trusts nobody.
asio::awaitable<void> change_limits(ContextPtr context, SessionPtr session, policy::Overrides wanted) {
    const policy::Policy& policy = context->catalog.policy(session->facts.policy);
    const policy::Policy effective = policy::apply_overrides(policy, wanted);
    if (wanted.memory_max)
        check_budget(*context, *session, *wanted.memory_max);
    const SessionView::Limits before = session->facts.enforced;
    if (wanted.memory_max) // reserved while the launcher is asked
        session->facts.enforced.memory_max = std::max(wanted.memory_max, before.memory_max);
    protocol::Request request(
        protocol::SetLimits{session->id(), wanted.memory_max, wanted.cpus, wanted.pids_max});
    try {
        const protocol::Launched now = co_await ask<protocol::Launched>(
            *context->launcher, std::move(request), context->tuning.answer_timeout);
        session->facts.enforced = {now.memory_max, now.cpus, now.pids_max};
    } catch (...) {
        session->facts.enforced = before;
        throw;
    }
    policy::Resources& resources = session->policy.resources;
    if (wanted.memory_max) {
        resources.memory_max = *wanted.memory_max;
        resources.memory_high = effective.resources.memory_high;
        session->overrides.memory_max = session->facts.asked.memory_max = wanted.memory_max;
    }
    if (wanted.cpus)
        resources.cpus = session->overrides.cpus = session->facts.asked.cpus = wanted.cpus;
    if (wanted.pids_max) {
        resources.pids_max = *wanted.pids_max;
        session->overrides.pids_max = session->facts.asked.pids_max = wanted.pids_max;
    }
    schedule(*context); // less memory may be what another one waits for
}

} // namespace

asio::awaitable<SessionView> change_session(ContextPtr context, SessionPtr session, SessionChange change) {
    co_await until_serving(context, session);
    check_clock(change.idle_timeout, session->policy.lifecycle.end_after, "idle_timeout_seconds");
    check_clock(change.max_lifetime,
                session->policy.override_ceilings.max_lifetime
                    ? session->policy.override_ceilings.max_lifetime
                    : session->policy.lifecycle.max_lifetime,
                "max_lifetime_seconds");
    const policy::Overrides& limits = change.limits;
    if (limits.memory_max || limits.cpus || limits.pids_max)
        co_await change_limits(context, session, limits);
    if (change.name)
        session->facts.name = *std::move(change.name);
    if (change.labels)
        session->facts.labels = *std::move(change.labels);
    if (change.idle_timeout)
        session->lifecycle.end_after = change.idle_timeout;
    if (change.max_lifetime)
        session->lifecycle.max_lifetime = change.max_lifetime;
    session->note_activity();
    session->changed.notify(); // its clocks are looked at again
    persist(*context, *session);
    co_await flush(context);
    co_return view_of(*context, *session);
}

asio::awaitable<SessionView> restart_on_request(ContextPtr context, SessionPtr session) {
    co_await until_made(context, session);
    session->check_serves(); // one that is started again already needs no second start
    session->note_activity();
    session->engine_unwanted("asked for");
    co_return view_of(*context, *session);
}

} // namespace sandbox::manager
