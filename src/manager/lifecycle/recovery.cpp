#include "manager/lifecycle/recovery.hpp"

#include "manager/engine/autosave.hpp"
#include "manager/engine/exit_watch.hpp"
#include "manager/engine/readiness.hpp"
#include "manager/session/launcher_client.hpp"
#include "manager/session/persistence.hpp"
#include "sandbox/base/log.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

constexpr Duration kFirstPause = std::chrono::seconds(1), kLongestPause = std::chrono::seconds(30);

/// Whether what the figures tell is a crash. An exit with status 0 is what somebody wanted, and what needed
/// too much memory once needs it again.
bool is_crash(const SessionView::End& end) {
    return end.reason == EndReason::signalled ||
           (end.reason == EndReason::exited && end.exit_status.value_or(0) != 0);
}

/// The first one at once; each further one of the window later.
Duration pause_before(std::size_t recent) {
    if (recent == 0)
        return Duration::zero();
    return std::min(kFirstPause * (1U << std::min<std::size_t>(recent - 1, 8)), kLongestPause);
}

/// False: somebody wants its end.
asio::awaitable<bool> wait_pause(SessionPtr session, Duration pause) {
    const SteadyTime until = std::chrono::steady_clock::now() + pause;
    while (!session->intent()) {
        const bool changed = co_await session->changed.wait_until(until);
        if (!changed)
            break;
    }
    co_return !session->intent();
}

/// Asks until there is an answer: its launcher may be away. nullopt: there is no such sandbox, or somebody
/// wants its end.
template <typename Body>
asio::awaitable<std::optional<Body>> ask_launcher(ContextPtr context, SessionPtr session,
                                                  protocol::Request request) {
    while (!session->intent()) {
        try {
            co_return co_await ask<Body>(*context->launcher, request, context->tuning.answer_timeout);
        } catch (const Error& error) {
            log::warning({session->id(), session->facts.tenant},
                         "session " + session->id() + ": " + error.what());
            if (error.code() != Errc::unavailable && error.code() != Errc::timed_out)
                co_return std::nullopt;
        }
        co_await session->changed.wait_until(std::chrono::steady_clock::now() +
                                             context->tuning.reconnect_first);
    }
    co_return std::nullopt;
}

/// How this start of ChimeraX ended. sandbox-init writes its record a moment after the last process is gone.
asio::awaitable<std::optional<SessionView::End>> verdict(ContextPtr context, SessionPtr session) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + context->tuning.record_time;
    for (;;) {
        // Named: GCC 12 destroys a temporary in a co_await twice.
        protocol::Request request(protocol::Look{session->id()});
        const std::optional<protocol::Ended> figures =
            co_await ask_launcher<protocol::Ended>(context, session, std::move(request));
        if (!figures)
            co_return std::nullopt;
        const bool complete = figures->record && figures->record->run >= session->engine_start();
        if (complete || figures->oom_kills > 0 || std::chrono::steady_clock::now() >= deadline)
            co_return classify_end({}, figures, session->facts.enforced.memory_max, session->exit_asked);
        const bool goes_on = co_await wait_pause(session, context->tuning.reconnect_first);
        if (!goes_on)
            co_return std::nullopt;
    }
}

void end_as_crash_loop(Session& session, const std::string& why) {
    session.request_end(EndReason::crash_loop,
                        "ChimeraX was started again " + std::to_string(session.recent_restarts()) +
                            " times in " + format_duration(session.policy.recovery.window) +
                            ", and again: " + why + " The log's last lines may say why; make a new session.");
}

/// One new start. False: the session must end.
asio::awaitable<bool> start_again(ContextPtr context, SessionPtr session, std::string why) {
    context->counters.restarts.at({session->hung_message().empty() ? "crash" : "hung"}) += 1;
    session->facts.restart_reason = std::move(why);
    session->engine_restarting();
    owe_autosave(*session);
    persist(*context, *session);
    co_await flush(context); // which start it is outlives this process
    protocol::Request request(protocol::Restart{session->id()});
    const std::optional<protocol::Launched> launched =
        co_await ask_launcher<protocol::Launched>(context, session, std::move(request));
    if (!launched)
        co_return false;
    session->facts.pid = launched->engine_pid;
    session->engine_restarted();
    try {
        watch_payload_of(context, session);
    } catch (const Error& error) {
        log::warning({session->id(), session->facts.tenant},
                     "session " + session->id() + ": " + error.what());
        co_return false;
    }
    co_await wait_until_serving(context, session);
    co_await open_autosave(context, session);
    co_return true;
}

} // namespace

asio::awaitable<void> recover(ContextPtr context, SessionPtr session) {
    while (!session->intent() && session->engine_gone()) {
        std::string why = session->hung_message();
        if (why.empty()) {
            const std::optional<SessionView::End> end = co_await verdict(context, session);
            if (!end || !is_crash(*end))
                co_return;
            why = end->message;
        }
        const bool asked = session->restart_is_asked();
        if (!asked && session->recent_restarts() >= session->policy.recovery.max_restarts) {
            end_as_crash_loop(*session, why);
            co_return;
        }
        const bool goes_on =
            co_await wait_pause(session, asked ? Duration::zero() : pause_before(session->recent_restarts()));
        if (!goes_on)
            co_return;
        const bool started = co_await start_again(context, session, std::move(why));
        if (!started) {
            if (!session->hung_message().empty())
                session->request_end(EndReason::hung, session->hung_message());
            co_return;
        }
    }
    if (!session->must_end())
        session->move_to(State::ready, "ChimeraX was started again: " + session->facts.restart_reason);
}

} // namespace sandbox::manager
