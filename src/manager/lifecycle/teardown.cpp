#include "manager/lifecycle/teardown.hpp"

#include "manager/admission/retire.hpp"
#include "manager/admission/scheduler.hpp"
#include "manager/logs/log_reader.hpp"
#include "manager/session/exit_records.hpp"
#include "manager/session/launcher_client.hpp"
#include "manager/session/persistence.hpp"
#include "manager/session/view.hpp"
#include "sandbox/base/log.hpp"

#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

constexpr std::size_t kTailOfEach = 2048;

/// An end that somebody asked for needs no lines of the log, and thousands of ended sessions are kept.
bool wants_log_tail(const Session& session) {
    if (!session.intent())
        return true;
    const EndReason reason = session.intent()->reason;
    return reason == EndReason::start_timeout || reason == EndReason::hung ||
           reason == EndReason::crash_loop || reason == EndReason::launch_failed;
}

void keep_log_tail(Session& session) {
    if (!wants_log_tail(session) || session.facts.log_dir.empty())
        return;
    try {
        std::string tail = read_log_tail(session.facts.log_dir, "stdout", kTailOfEach) +
                           read_log_tail(session.facts.log_dir, "stderr", kTailOfEach);
        if (!tail.empty())
            session.log_tail = std::move(tail);
    } catch (const Error& error) {
        log::warning({session.id(), session.facts.tenant}, "session " + session.id() + ": " + error.what());
    }
}

/// The launcher keeps the log until the record of the end is stored; also that of a sandbox whose making this
/// manager has given up.
std::string log_dir_of(const Context& context, const Session& session) {
    return session.facts.log_dir.empty() ? context.site.state_dir + "/logs/" + session.id()
                                         : session.facts.log_dir;
}

std::string why_ending(const Session& session) {
    if (!session.intent())
        return "ChimeraX has ended";
    return std::string(to_text(session.intent()->reason)) + ": " + session.intent()->message;
}

enum class Outcome { gone, not_yet, unknown };

struct EndTry {
    Outcome outcome = Outcome::unknown;
    std::optional<protocol::Ended> ended;
    std::string message;
};

asio::awaitable<EndTry> try_end(ContextPtr context, SessionPtr session) {
    EndTry result;
    const Duration grace = session->engine_gone() ? Duration::zero() : session->grace;
    protocol::Request request(protocol::End{session->id(), static_cast<std::uint64_t>(grace.count())});
    try {
        LauncherAnswer answer =
            co_await context->launcher->call(std::move(request), 2 * grace + context->tuning.end_margin);
        if (auto* ended = std::get_if<protocol::Ended>(&answer.reply)) {
            result.outcome = Outcome::gone;
            result.ended = std::move(*ended);
        } else if (const auto* failure = std::get_if<protocol::Failure>(&answer.reply)) {
            result.outcome = failure->code == Errc::not_found ? Outcome::gone : Outcome::not_yet;
            result.message = failure->message;
        } else {
            result.message = "unexpected reply from the launcher to end";
        }
    } catch (const Error& error) {
        result.outcome = error.code() == Errc::timed_out ? Outcome::not_yet : Outcome::unknown;
        result.message = error.what();
    }
    co_return result;
}

/// Returns when nothing is left. What the launcher cannot remove is `stuck`, and tried again.
asio::awaitable<std::optional<protocol::Ended>> remove_sandbox(ContextPtr context, SessionPtr session) {
    for (;;) {
        while (!context->launcher->connected())
            co_await context->launcher->changed().wait();
        EndTry result = co_await try_end(context, session);
        if (result.outcome == Outcome::gone)
            co_return std::move(result.ended);
        Duration pause = context->tuning.reconnect_first;
        if (result.outcome == Outcome::not_yet) {
            if (session->state() == State::ending)
                session->move_to(State::stuck, result.message);
            pause = context->tuning.stuck_retry;
        }
        asio::steady_timer timer(context->io, pause);
        co_await timer.async_wait(asio::use_awaitable);
    }
}

} // namespace

asio::awaitable<std::optional<SessionView::End::Log>> keep_log(ContextPtr context, SessionPtr session,
                                                               KeptLogs::HeldUp held_up) {
    if (session->kind() != Kind::tenant)
        co_return std::nullopt;
    std::string log_dir = log_dir_of(*context, *session);
    co_return co_await context->kept_logs->keep(session->id(), session->facts.tenant, std::move(log_dir),
                                                held_up);
}

asio::awaitable<void> end_session(ContextPtr context, SessionPtr session) {
    keep_log_tail(*session);
    // Why it ends outlives this process, before anybody is told: the next one must not take for an accident
    // what was a wish.
    persist(*context, *session, State::ending);
    co_await flush(context);
    session->move_to(State::ending, why_ending(*session));
    const Error gone(Errc::gone, "session " + session->id() + " is ending: " + why_ending(*session),
                     "Make a new session.");
    session->turns.close(gone);
    session->puts.close(gone);
    session->published.reset();
    const std::optional<protocol::Ended> ended = co_await remove_sandbox(context, session);
    keep_log_tail(*session); // with what came during the grace
    std::optional<SessionView::End::Log> log = co_await keep_log(context, session, KeptLogs::HeldUp::slot);
    SessionView::End end =
        classify_end(session->intent(), ended, session->facts.enforced.memory_max, session->exit_asked);
    end.log = std::move(log);
    const std::string why =
        std::string(to_text(end.reason)) + (ended ? ", last step " + ended->last_step : ", nothing was left");
    retire(*context, session, std::move(end), why);
    if (ended) {
        std::vector<std::string> ids{session->id()};
        co_await forget_exit_records(context, std::move(ids));
    }
}

} // namespace sandbox::manager
