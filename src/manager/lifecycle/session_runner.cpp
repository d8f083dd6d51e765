#include "manager/lifecycle/session_runner.hpp"

#include "manager/admission/retire.hpp"
#include "manager/admission/scheduler.hpp"
#include "manager/engine/autosave.hpp"
#include "manager/engine/exit_watch.hpp"
#include "manager/engine/health_check.hpp"
#include "manager/engine/readiness.hpp"
#include "manager/engine/reclaim.hpp"
#include "manager/lifecycle/attach.hpp"
#include "manager/lifecycle/idle_timers.hpp"
#include "manager/lifecycle/launch.hpp"
#include "manager/lifecycle/publish.hpp"
#include "manager/lifecycle/recovery.hpp"
#include "manager/lifecycle/teardown.hpp"
#include "manager/session/launcher_client.hpp"
#include "sandbox/base/log.hpp"

#include <exception>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

/// Not before the launcher has told which ones are in use from earlier.
bool take_slot(Context& context, const SessionPtr& session) {
    const auto slot = context.slots.take();
    if (!slot) {
        session->request_end(EndReason::launch_failed, "No slot of this host is free; try again later.");
        retire(context, session, classify_end(session->intent()), "no slot is free");
        return false;
    }
    session->facts.slot = *slot;
    session->has_slot = true;
    return true;
}

asio::awaitable<bool> make_in_turn(ContextPtr context, SessionPtr session) {
    while (!context->swept && context->launcher->connected() && session->state() == State::queued)
        co_await context->launcher->changed().wait();
    if (session->state() != State::queued) // deleted in the queue
        co_return false;
    if (!take_slot(*context, session))
        co_return false;
    session->move_to(State::starting, "slot " + std::to_string(session->facts.slot));
    co_return co_await launch(context, session);
}

/// Waits for its turn, and has the sandbox made. False: the session has ended, here or meanwhile.
asio::awaitable<bool> make_sandbox(ContextPtr context, SessionPtr session) {
    const bool its_turn = co_await wait_for_turn(context, session);
    if (!its_turn)
        co_return false;
    bool made = false;
    try {
        made = co_await make_in_turn(context, session);
    } catch (...) { // a defect, which must not cost a turn for good
        end_turn(*context, *session);
        throw;
    }
    end_turn(*context, *session);
    co_return made;
}

/// What runs beside every live sandbox, and its published port.
asio::awaitable<void> start_watchers(ContextPtr context, SessionPtr session) {
    try {
        watch_engine(context, session);
    } catch (const Error& error) {
        session->request_end(EndReason::launch_failed, error.full());
        co_return;
    }
    co_await publish(context, session);
}

asio::awaitable<void> serve(ContextPtr context, SessionPtr session) {
    context->on_serving(session);
    asio::co_spawn(context->io, watch_clocks(context, session), asio::detached);
    asio::co_spawn(context->io, watch_autosave(context, session), asio::detached);
    for (;;) {
        if (session->state() == State::recovering)
            co_await recover(context, session);
        if (session->must_end())
            co_return;
        co_await watch_health(context, session);
    }
}

asio::awaitable<void> bring_up(ContextPtr context, SessionPtr session) {
    co_await start_watchers(context, session);
    co_await wait_until_serving(context, session);
    if (session->must_end())
        co_return;
    session->move_to(State::ready, "ChimeraX answers at " + session->facts.address);
    co_await serve(context, session);
}

/// Its sandbox runs on, and is in the hands of this manager now.
asio::awaitable<void> take_over(ContextPtr context, SessionPtr session) {
    if (session->left_as() == State::recovering) {
        co_await start_watchers(context, session);
        co_await wait_until_serving(context, session);
        co_await open_autosave(context, session);
        if (!session->must_end())
            session->move_to(State::ready, "taken over from an earlier manager while it was started again");
        co_await serve(context, session);
        co_return;
    }
    if (session->left_as() != State::ready && session->left_as() != State::busy &&
        session->left_as() != State::frozen) {
        session->move_to(State::starting, "it was in the making, and its sandbox is there");
        co_await bring_up(context, session);
        co_return;
    }
    co_await start_watchers(context, session);
    if (session->must_end()) {
        if (!session->intent() && session->policy.recovery.max_restarts > 0)
            co_await serve(context, session); // it ended while no manager was there
        co_return;
    }
    const char* freeze = kernel::cgroup_file::kFreeze;
    const bool frozen = session->cgroup.has_file(freeze) && session->cgroup.read_u64(freeze) == 1U;
    // Whoever uses it may not have found this manager yet.
    session->restart_idle_clock();
    if (frozen)
        enter_frozen(context, session, "taken over from an earlier manager");
    else
        co_await await_earlier_request(context, session);
    co_await serve(context, session);
}

} // namespace

asio::awaitable<void> run_session(ContextPtr context, SessionPtr session) {
    // Step by step: GCC 12 compiles a co_await behind && wrongly.
    if (session->state() == State::queued) {
        const bool made = co_await make_sandbox(context, session);
        if (made)
            co_await bring_up(context, session);
    }
    if (session->state() != State::ended)
        co_await end_session(context, session);
}

asio::awaitable<void> resume_session(ContextPtr context, SessionPtr session) {
    const bool there = co_await attach(context, session);
    const bool was_made = session->left_as() != State::queued && session->left_as() != State::starting;
    context->counters.adopted.at({there ? "adopted" : was_made ? "gone" : "requeued"}) += 1;
    if (there && !session->must_end()) {
        co_await take_over(context, session);
    } else if (!there && !was_made && !session->must_end()) {
        if (std::exchange(session->has_slot, false))
            context->slots.give_back(session->facts.slot);
        session->move_to(State::queued, "its manager left before it was made");
        enqueue_again(*context, *session);
        co_await run_session(context, session);
        co_return;
    }
    co_await end_session(context, session);
}

void start_running(const ContextPtr& context, const SessionPtr& session, asio::awaitable<void> life) {
    asio::co_spawn(context->io, std::move(life), [session](const std::exception_ptr& failure) {
        if (!failure)
            return;
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception& error) {
            log::error({session->id(), session->facts.tenant},
                       "session " + session->id() + " is no longer looked after: " + error.what());
        }
    });
}

} // namespace sandbox::manager
