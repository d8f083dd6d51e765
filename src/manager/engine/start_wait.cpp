// Requests that come before a session can take them wait for it.
#include "manager/engine/start_wait.hpp"

#include <optional>
#include <utility>

#include <boost/asio/this_coro.hpp>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

bool is_on_its_way(const Session& session) {
    return session.state() == State::queued || session.state() == State::starting;
}

SteadyTime start_deadline(const Context& context) {
    return std::chrono::steady_clock::now() + context.tuning.start_wait;
}

Error too_late(const Session& session) {
    return {Errc::timed_out,
            "session " + session.id() + " is still " + std::string(to_text(session.state())) +
                ", so nothing was sent to it",
            "Try again with a longer timeout, or wait until it is ready."};
}

/// Counts as one of those who wait for it.
class Waits {
  public:
    explicit Waits(SessionPtr session) : session_(std::move(session)) { ++session_->waiting_for_start; }
    Waits(const Waits&) = delete;
    Waits& operator=(const Waits&) = delete;
    ~Waits() { --session_->waiting_for_start; }

  private:
    const SessionPtr session_;
};

void check_room(const Context& context, const Session& session) {
    if (session.waiting_for_start + session.turns.waiting() >= context.tuning.rest_queue) {
        throw Error(Errc::quota,
                    "the queue is full: " + std::to_string(context.tuning.rest_queue) + " wait for session " +
                        session.id() + " already",
                    "Wait until it is ready.");
    }
}

/// Only while it waits does a caller that goes away end what it asked for: what is begun comes to its end.
asio::awaitable<void> heed_departure(bool heeds) {
    if (heeds)
        co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());
    else
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
}

/// Throws Error timed_out.
asio::awaitable<void> wait_while(ContextPtr context, SessionPtr session, bool (*holds)(const Session&),
                                 SteadyTime deadline) {
    co_await heed_departure(true);
    bool in_time = true;
    while (holds(*session) && in_time) {
        check_stays(*context);
        in_time = co_await session->changed.wait_until(deadline);
    }
    co_await heed_departure(false);
    if (holds(*session))
        throw too_late(*session);
}

} // namespace

void check_stays(const Context& context) {
    if (context.leaving)
        throw Error(Errc::unavailable, "the manager is handing over to the next one",
                    "Ask that one, in a moment.");
}

asio::awaitable<void> until_made(ContextPtr context, SessionPtr session) {
    session->check_lives();
    if (!is_on_its_way(*session))
        co_return;
    check_room(*context, *session);
    const Waits waits(session);
    co_await wait_while(context, session, is_on_its_way, start_deadline(*context));
    session->check_lives();
}

asio::awaitable<void> until_logged(ContextPtr context, SessionPtr session) {
    const auto has_none = [](const Session& one) { return is_on_its_way(one) && one.facts.log_dir.empty(); };
    if (!has_none(*session))
        co_return;
    check_room(*context, *session);
    const Waits waits(session);
    co_await wait_while(context, session, has_none, start_deadline(*context));
}

asio::awaitable<void> until_serving(ContextPtr context, SessionPtr session, SteadyTime deadline,
                                    WaitPlace place) {
    const auto is_off = [](const Session& one) {
        return is_on_its_way(one) || one.state() == State::recovering;
    };
    if (is_off(*session)) {
        std::optional<Waits> waits;
        if (place == WaitPlace::before_turn) {
            check_room(*context, *session);
            waits.emplace(session);
        }
        co_await wait_while(context, session, is_off, deadline);
    }
    session->check_serves();
}

asio::awaitable<void> until_serving(ContextPtr context, SessionPtr session) {
    const SteadyTime deadline = start_deadline(*context);
    return until_serving(std::move(context), std::move(session), deadline);
}

asio::awaitable<async::FairSemaphore::Permit> enter_turn(ContextPtr context, SessionPtr session,
                                                         SteadyTime deadline) {
    co_await until_serving(context, session, deadline, WaitPlace::before_turn);
    co_await heed_departure(true);
    async::FairSemaphore::Permit turn = co_await session->turns.enter(deadline);
    co_await heed_departure(false);
    // It was not sent yet: a ChimeraX that is started again meanwhile takes it.
    co_await until_serving(context, session, deadline, WaitPlace::in_turn);
    co_return turn;
}

} // namespace sandbox::manager
