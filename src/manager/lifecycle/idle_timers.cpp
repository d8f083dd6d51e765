#include "manager/lifecycle/idle_timers.hpp"

#include "manager/engine/freeze.hpp"
#include "manager/events/expiry_notices.hpp"
#include "sandbox/base/log.hpp"

#include <algorithm>

namespace sandbox::manager {
namespace {

/// The clocks of a session run on while the host sleeps, and a timer does not: so it is looked at this often.
constexpr Duration kLongestWait = std::chrono::minutes(1);

/// For what could not be done at its time, as somebody has the engine's turn for a moment.
constexpr Duration kAgain = std::chrono::milliseconds(50);

bool has_passed(const std::optional<BootClock::time_point>& time) {
    return time && *time <= BootClock::now();
}

/// With the engine's turn, which no request has then: one that comes in the same moment wins.
bool is_unused(Session& session) {
    const async::FairSemaphore::Permit turn = session.turns.try_enter();
    return turn && !session.in_use() && has_passed(session.idle_at());
}

/// False: it is used after all. Where it cannot be frozen, it is tried again some time later.
boost::asio::awaitable<bool> freeze_unused(ContextPtr context, SessionPtr session) {
    std::optional<async::FairSemaphore::Permit> turn = session->turns.try_enter();
    if (!*turn || session->state() != State::ready || session->in_use() || !has_passed(session->freeze_at()))
        co_return false;
    bool failed = false;
    try {
        co_await set_frozen(context, session, true,
                            "nobody used it for " + format_duration(*session->lifecycle.freeze_after));
    } catch (const Error& error) {
        log::warning({session->id(), session->facts.tenant},
                     "session " + session->id() + " was not frozen: " + error.what());
        failed = true;
    }
    turn.reset();
    if (failed)
        co_await session->changed.wait_until(std::chrono::steady_clock::now() +
                                             context->tuning.health_interval);
    co_return true;
}

/// Calls with each clock that runs, its span, and when it ends the session.
template <typename Call>
void for_each_clock(const Session& session, const Call& call) {
    // One that works on a request, or takes or gives a file, is not idle, however long that takes.
    if (const auto at = session.idle_at(); at && !session.in_use())
        call(Clock::idle, *session.lifecycle.end_after, *at);
    if (const auto at = session.lifetime_at())
        call(Clock::lifetime, *session.lifecycle.max_lifetime, *at);
}

void tell_expiring(Context& context, const Session& session, ExpiryNotices& expiry) {
    const auto now = BootClock::now();
    for_each_clock(session, [&](Clock clock, Duration span, BootClock::time_point end) {
        if (!expiry.due(clock, span, end, now))
            return;
        Event event;
        event.type = Event::Type::expiring;
        event.at = std::chrono::system_clock::now();
        event.session = session.id();
        event.tenant = session.facts.tenant;
        event.state = session.state();
        event.clock = clock;
        event.left = std::chrono::duration_cast<Duration>(end - now);
        event.expires_at = event.at + event.left;
        event.message = clock == Clock::idle ? "Nobody uses it; any request or a touch puts its end off."
                                             : "Its lifetime ends; extend puts that off.";
        context.events.add(std::move(event));
    });
}

SteadyTime next_look(const Session& session, const ExpiryNotices& expiry) {
    Duration wait = kLongestWait;
    std::vector<std::optional<BootClock::time_point>> times{session.lifetime_at()};
    if (!session.in_use()) { // the end of that is a change, which begins these anew
        times.push_back(session.idle_at());
        times.push_back(session.freeze_at());
    }
    for_each_clock(session, [&](Clock clock, Duration span, BootClock::time_point end) {
        times.push_back(expiry.next(clock, span, end));
    });
    for (const auto& time : times) {
        if (!time)
            continue;
        // One millisecond more than the time left, whose fraction is cut.
        const auto left = std::chrono::duration_cast<Duration>(*time - BootClock::now()) + Duration(1);
        wait = std::min(left > Duration::zero() ? left : kAgain, wait);
    }
    return std::chrono::steady_clock::now() + wait;
}

} // namespace

boost::asio::awaitable<void> watch_clocks(ContextPtr context, SessionPtr session) {
    ExpiryNotices expiry(context->tuning.expiring_ahead);
    while (!session->must_end() || session->state() == State::recovering) {
        if (session->intent() || session->state() == State::ended)
            co_return;
        if (has_passed(session->lifetime_at())) {
            session->request_end(EndReason::lifetime, "It has lived for " +
                                                          format_duration(*session->lifecycle.max_lifetime) +
                                                          ", as long as it may. Make a new session.");
        } else if (is_unused(*session)) {
            session->request_end(EndReason::idle, "Nobody used it for " +
                                                      format_duration(*session->lifecycle.end_after) +
                                                      ". Make a new session.");
        } else {
            tell_expiring(*context, *session, expiry);
            bool tried = false;
            if (has_passed(session->freeze_at()))
                tried = co_await freeze_unused(context, session);
            // One that is in use is looked at again when its state changes.
            if (!tried)
                co_await session->changed.wait_until(next_look(*session, expiry));
        }
    }
}

} // namespace sandbox::manager
