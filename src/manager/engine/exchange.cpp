#include "manager/engine/exchange.hpp"

#include "manager/engine/freeze.hpp"
#include "manager/engine/start_wait.hpp"
#include "manager/session/persistence.hpp"
// Talks with the engine, one at a time, and keeps the session's state meanwhile.
#include "manager/engine/exchange.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/chimerax/command_result.hpp"

#include <string_view>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

constexpr Duration kSeenDead = std::chrono::seconds(1);
/// Of all answers of one exchange.
constexpr Bytes kMostReceived = 64_MiB;

/// `busy` and the clock of the request, however it ends.
class InFlightGuard {
  public:
    enum class Of { caller, manager };

    InFlightGuard(Session& session, Of of) : session_(session), of_(of) {
        session_.request_since = BootClock::now();
        if (of_ == Of::caller)
            session_.note_activity();
        if (session_.state() == State::ready)
            session_.move_to(State::busy, of_ == Of::caller ? "a request" : "a command of the manager's own");
    }
    InFlightGuard(const InFlightGuard&) = delete;
    InFlightGuard& operator=(const InFlightGuard&) = delete;
    ~InFlightGuard() {
        session_.request_since.reset();
        if (of_ == Of::caller)
            session_.note_activity();
        if (session_.state() == State::busy)
            session_.move_to(State::ready, "answered");
    }

  private:
    Session& session_;
    const Of of_;
};

void note_failure(Session& session, const Error& error) {
    if (error.code() == Errc::timed_out) {
        session.engine_hung("a request ran longer than the policy's command_timeout of " +
                            format_duration(session.policy.chimerax.command_timeout));
    }
}

asio::awaitable<void> until_must_end(SessionPtr session) {
    while (!session->must_end())
        co_await session->changed.wait();
}

asio::awaitable<void> until_ended(SessionPtr session) {
    while (session->state() != State::ended)
        co_await session->changed.wait();
}

/// False: it was the last one, as far as its caller wants.
bool take_reply(const Session& session, Exchange& exchange, chimerax::RestReply reply,
                SteadyTime::duration took) {
    if (exchange.abandoned)
        return false;
    exchange.received.value += reply.body.size();
    ++exchange.answered;
    try {
        return exchange.take(std::move(reply), took) && exchange.answered < exchange.requests.size();
    } catch (const Error&) {
        exchange.failure = std::current_exception();
    } catch (const std::exception& error) { // a defect, which must not leave its caller without an answer
        log::error({session.id(), session.facts.tenant},
                   std::string("an answer of ChimeraX was not taken: ") + error.what());
        exchange.failure = std::make_exception_ptr(
            Error(Errc::internal, "the answer was not taken by a defect of this program",
                  "Tell the operator; the log has more.")
                .of_sent_request());
    }
    return false;
}

/// The next request of the exchange. False: it was the last, as its caller or the engine wants it.
asio::awaitable<bool> send_next(ContextPtr context, SessionPtr session, ExchangePtr exchange) {
    chimerax::RestRequest request = exchange->requests[exchange->answered];
    const chimerax::RestLimits limits{session->policy.chimerax.command_timeout,
                                      {kMostReceived.value - exchange->received.value}};
    exchange->failure = nullptr;
    if (chimerax::asks_exit(request.target)) {
        session->exit_asked = true;
        persist(*context, *session); // a manager that is killed now, too, must not take it for a crash
    }
    const SteadyTime sent = std::chrono::steady_clock::now();
    chimerax::RestReply reply;
    try {
        reply = co_await chimerax::request(session->endpoint(), std::move(request), limits);
    } catch (const Error& error) {
        note_failure(*session, error);
        // A connection that was refused carried nothing.
        exchange->not_sent = error.code() == Errc::unavailable;
        exchange->failure = std::make_exception_ptr(exchange->answered > 0 ? error.of_sent_request() : error);
        co_return false;
    }
    session->facts.health.last_ok_at = std::chrono::system_clock::now();
    session->failed_checks = 0;
    session->exit_asked = false;
    co_return take_reply(*session, *exchange, std::move(reply), std::chrono::steady_clock::now() - sent);
}

/// The rest of a list is for the ChimeraX that has done its beginning, and for this manager.
void check_goes_on(const Context& context, const Session& session, std::uint64_t start, Exchange& exchange) {
    std::optional<Error> why;
    if (session.state() != State::busy || session.engine_start() != start)
        why = Error(Errc::engine,
                    "ChimeraX in session " + session.id() + " ended before it was given this command",
                    "Look at the session's log; what the commands before it did is lost.");
    else if (context.leaving)
        why = Error(Errc::unavailable, "the manager is handing over to the next one, and sent no more",
                    "Send the rest to that one.");
    if (why)
        exchange.failure = std::make_exception_ptr(why->of_sent_request());
}

std::exception_ptr ended_meanwhile(const Session& session) {
    return std::make_exception_ptr(Error(Errc::engine,
                                         "session " + session.id() + " ended before ChimeraX answered",
                                         "The command may have run; make a new session.")
                                       .of_sent_request());
}

/// Ends with the session: what is left of its network may never tell that the engine is gone.
asio::awaitable<void> send_all(ContextPtr context, SessionPtr session, ExchangePtr exchange) {
    using namespace asio::experimental::awaitable_operators;
    const InFlightGuard busy(*session, InFlightGuard::Of::caller);
    const std::uint64_t start = session->engine_start();
    for (bool goes_on = true; goes_on;) {
        session->request_since = BootClock::now();
        exchange->not_sent = false;
        session->unsaved =
            session->unsaved || exchange->requests[exchange->answered].target.starts_with("/run");
        const auto result = co_await (send_next(context, session, exchange) || until_ended(session));
        const bool* more = std::get_if<0>(&result);
        if (more == nullptr)
            exchange->failure = ended_meanwhile(*session);
        else if (*more)
            check_goes_on(*context, *session, start, *exchange);
        goes_on = more != nullptr && *more && !exchange->failure;
    }
}

/// After a connection that nobody took: ChimeraX may have died this moment, which is seen in the next, and
/// then the new one takes the request. One that lives and listens no more is for the health check, which
/// needs the turn.
asio::awaitable<bool> is_started_again(SessionPtr session, std::uint64_t start) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + kSeenDead;
    bool in_time = session->policy.recovery.max_restarts > 0;
    const auto is_seen = [&] {
        return session->state() == State::recovering || session->engine_start() != start;
    };
    while (!is_seen() && !session->must_end() && in_time)
        in_time = co_await session->changed.wait_until(deadline);
    if (!is_seen())
        co_return false;
    while (session->state() == State::recovering)
        co_await session->changed.wait();
    co_return session->serves() && !session->must_end();
}

/// Goes on when the caller has gone: there is no way to cancel a command, and until ChimeraX has answered
/// it takes no other.
asio::awaitable<void> carry_out(ContextPtr context, SessionPtr session, async::FairSemaphore::Permit turn,
                                ExchangePtr exchange) {
    const async::FairSemaphore::Permit inside = std::move(turn);
    for (bool again = true; again;) {
        const std::uint64_t start = session->engine_start();
        co_await send_all(context, session, exchange);
        again = exchange->not_sent && exchange->answered == 0 && !exchange->abandoned;
        if (again)
            again = co_await is_started_again(session, start);
    }
    exchange->finished = true;
    exchange->done.notify();
}

} // namespace

void check_target(const chimerax::RestRequest& request) {
    // ChimeraX's server hands out any file for a path with `..` in it.
    const std::string_view path = std::string_view(request.target).substr(0, request.target.find('?'));
    if (path != "/run" && path != "/cmdline.html") {
        throw Error(Errc::not_found, "only /run and /cmdline.html are let through",
                    "Use GET or POST /run?command=….", "target");
    }
    if (request.method != "GET" && request.method != "POST")
        throw Error(Errc::invalid_argument, "the method must be GET or POST", {}, "method");
}

asio::awaitable<void> exchange_in_turn(ContextPtr context, SessionPtr session, ExchangePtr exchange,
                                       Duration timeout) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
    async::FairSemaphore::Permit turn = co_await enter_turn(context, session, deadline);
    co_await set_frozen(context, session, false, "a request");
    session->check_serves();
    asio::co_spawn(context->io, carry_out(context, session, std::move(turn), exchange), asio::detached);
    while (!exchange->finished) {
        if (!co_await exchange->done.wait_until(deadline)) {
            exchange->abandoned = true;
            throw Error(Errc::timed_out, "ChimeraX has not answered in " + format_duration(timeout),
                        "The command still runs, and the session is busy until it ends.")
                .of_sent_request();
        }
    }
    if (exchange->failure)
        std::rethrow_exception(exchange->failure);
}

asio::awaitable<chimerax::CommandResult> run_internal_command(ContextPtr context, SessionPtr session,
                                                              std::string command) {
    using namespace asio::experimental::awaitable_operators;
    std::vector<chimerax::RestRequest> requests(1);
    requests[0].target = chimerax::run_target({std::move(command)});
    const auto exchange = std::make_shared<Exchange>(session->changed.executor(), std::move(requests));
    chimerax::CommandResult result;
    exchange->take = [&](const chimerax::RestReply& reply, SteadyTime::duration) {
        result = chimerax::parse_command_result(reply.body);
        return false;
    };
    bool is_answered = false;
    {
        const InFlightGuard busy(*session, InFlightGuard::Of::manager);
        const auto which = co_await (send_next(context, session, exchange) || until_must_end(session));
        is_answered = which.index() == 0;
    }
    if (!is_answered)
        throw Error(Errc::engine, "ChimeraX ended before it answered");
    if (exchange->failure)
        std::rethrow_exception(exchange->failure);
    co_return result;
}

} // namespace sandbox::manager
