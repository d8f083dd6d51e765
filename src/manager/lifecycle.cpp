#include "core.hpp"
#include "sandbox/base/log.hpp"

#include <exception>

#include <boost/asio/co_spawn.hpp>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

/// Not before the launcher has told which ones are in use from earlier.
bool take_slot(Core& core, const SessionPtr& session) {
    const auto slot = core.slots.take();
    if (!slot) {
        session->want_end(EndReason::launch_failed, "No slot of this host is free; try again later.");
        finish(core, session, judge(session->intent(), {}, {}), "no slot is free");
        return false;
    }
    session->facts.slot = *slot;
    session->has_slot = true;
    return true;
}

/// Waits for its turn, and has the sandbox made. False: the session has ended, here or meanwhile.
asio::awaitable<bool> make_sandbox(CorePtr core, SessionPtr session) {
    const FifoGate::Permit permit = co_await core->starts.enter();
    while (!core->swept && core->launcher->connected() && session->state() == State::queued)
        co_await core->launcher->changed().wait();
    if (session->state() != State::queued) // deleted in the queue
        co_return false;
    if (!take_slot(*core, session))
        co_return false;
    session->move_to(State::starting, "slot " + std::to_string(session->facts.slot));
    co_return co_await launch(core, session);
}

asio::awaitable<void> bring_up(CorePtr core, SessionPtr session) {
    try {
        watch_engine(core, session);
    } catch (const Error& error) {
        session->want_end(EndReason::launch_failed, error.full());
        co_return;
    }
    co_await publish(core, session);
    co_await wait_until_serving(core, session);
    if (session->must_end())
        co_return;
    session->move_to(State::ready, "ChimeraX answers at " + session->facts.address);
    probe_engine(core, session);
    co_await watch_health(core, session);
}

} // namespace

asio::awaitable<void> run_session(CorePtr core, SessionPtr session) {
    // Step by step: GCC 12 compiles a co_await behind && wrongly.
    if (session->state() == State::queued) {
        const bool made = co_await make_sandbox(core, session);
        if (made)
            co_await bring_up(core, session);
    }
    if (session->state() != State::ended)
        co_await end_session(core, session);
}

void start_running(const CorePtr& core, const SessionPtr& session) {
    asio::co_spawn(core->io, run_session(core, session), [session](const std::exception_ptr& failure) {
        if (!failure)
            return;
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception& error) {
            log::error("session " + session->id() + " is no longer looked after: " + error.what());
        }
    });
}

} // namespace sandbox::manager
