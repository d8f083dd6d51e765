#include "core.hpp"
#include "sandbox/chimerax/command_result.hpp"
#include "use.hpp"

#include <exception>
#include <string_view>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

constexpr Duration kSeenDead = std::chrono::seconds(1);

/// One request that the engine works on, and who waits for it.
struct Exchange {
    explicit Exchange(const asio::any_io_executor& executor) : done(executor) {}
    Signal done;
    bool finished = false;
    bool not_sent = false; ///< nobody took the connection
    chimerax::RestReply reply;
    std::exception_ptr failure;
};

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

asio::awaitable<void> until_settled(SessionPtr session, SteadyTime deadline) {
    bool in_time = true;
    while (session->state() == State::recovering && in_time)
        in_time = co_await session->changed.wait_until(deadline);
}

/// `busy` and the clock of the request, however it ends.
class BusyMark {
  public:
    enum class Of { caller, manager };

    BusyMark(Session& session, Of of) : session_(session), of_(of) {
        session_.request_since = BootClock::now();
        if (of_ == Of::caller)
            session_.note_activity();
        if (session_.state() == State::ready)
            session_.move_to(State::busy, of_ == Of::caller ? "a request" : "a command of the manager's own");
    }
    BusyMark(const BusyMark&) = delete;
    BusyMark& operator=(const BusyMark&) = delete;
    ~BusyMark() {
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

/// Ends with the session: what is left of its network may never tell that the engine is gone.
asio::awaitable<void> exchange_with_engine(CorePtr core, SessionPtr session, chimerax::RestRequest request,
                                           std::shared_ptr<Exchange> exchange) {
    const chimerax::RestLimits limits{session->policy.chimerax.command_timeout, 64_MiB};
    exchange->not_sent = false;
    exchange->failure = nullptr;
    if (chimerax::asks_exit(request.target)) {
        session->exit_asked = true;
        put_record(*core, *session); // a manager that is killed now, too, must not take it for a crash
    }
    try {
        exchange->reply = co_await chimerax::request(session->endpoint(), std::move(request), limits);
        session->facts.health.last_ok_at = std::chrono::system_clock::now();
        session->failed_checks = 0;
        session->exit_asked = false;
    } catch (const Error& error) {
        note_failure(*session, error);
        // A connection that was refused carried nothing.
        exchange->not_sent = error.code() == Errc::unavailable;
        exchange->failure = std::make_exception_ptr(exchange->not_sent ? error : error.of_sent_request());
    }
    exchange->finished = true;
}

/// After a connection that nobody took: ChimeraX may have died this moment, which is seen in the next, and
/// then the new one takes the request.
asio::awaitable<bool> is_started_again(SessionPtr session) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + kSeenDead;
    bool in_time = session->policy.recovery.max_restarts > 0;
    while (session->state() != State::recovering && !session->must_end() && in_time)
        in_time = co_await session->changed.wait_until(deadline);
    if (session->state() != State::recovering)
        co_return false;
    co_await until_settled(session, SteadyTime::max());
    co_return session->serves();
}

/// Goes on when the caller has gone: there is no way to cancel a command, and until ChimeraX has answered
/// it takes no other.
asio::awaitable<void> carry_out(CorePtr core, SessionPtr session, FifoGate::Permit turn,
                                chimerax::RestRequest request, std::shared_ptr<Exchange> exchange) {
    const FifoGate::Permit inside = std::move(turn);
    for (bool again = true; again;) {
        {
            using namespace asio::experimental::awaitable_operators;
            const BusyMark busy(*session, BusyMark::Of::caller);
            session->unsaved = session->unsaved || request.target.starts_with("/run");
            co_await (exchange_with_engine(core, session, request, exchange) || until_ended(session));
        }
        again = exchange->not_sent;
        if (again)
            again = co_await is_started_again(session);
    }
    if (!exchange->finished) {
        exchange->failure = std::make_exception_ptr(
            Error(Errc::engine, "session " + session->id() + " ended before ChimeraX answered",
                  "The command may have run; make a new session.")
                .of_sent_request());
    }
    exchange->finished = true;
    exchange->done.notify();
}

asio::awaitable<chimerax::RestReply> rest_in_turn(CorePtr core, SessionPtr session,
                                                  chimerax::RestRequest request, Duration timeout) {
    check_target(request);
    const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
    co_await until_settled(session, deadline);
    session->check_serves();
    FifoGate::Permit turn = co_await session->turns.enter(deadline);
    // It was not sent yet: a ChimeraX that is started again meanwhile takes it.
    co_await until_settled(session, deadline);
    session->check_serves();
    co_await set_frozen(core, session, false, "a request");
    session->check_serves();

    const auto exchange = std::make_shared<Exchange>(core->io.get_executor());
    asio::co_spawn(core->io, carry_out(core, session, std::move(turn), std::move(request), exchange),
                   asio::detached);
    while (!exchange->finished) {
        if (!co_await exchange->done.wait_until(deadline)) {
            throw Error(Errc::timed_out, "ChimeraX has not answered in " + format_duration(timeout),
                        "The command still runs, and the session is busy until it ends.")
                .of_sent_request();
        }
    }
    if (exchange->failure)
        std::rethrow_exception(exchange->failure);
    co_return std::move(exchange->reply);
}

} // namespace

asio::awaitable<chimerax::RestReply> rest(CorePtr core, SessionPtr session, chimerax::RestRequest request,
                                          Duration timeout) {
    const bool is_command = session->kind() == Kind::tenant && request.target.starts_with("/run");
    const SteadyTime started = std::chrono::steady_clock::now();
    const Use use(session); // in the queue, too, and while ChimeraX is started again
    try {
        chimerax::RestReply reply = co_await rest_in_turn(core, session, std::move(request), timeout);
        if (is_command)
            core->counters.note_answer(std::chrono::steady_clock::now() - started);
        co_return reply;
    } catch (const Error& error) {
        if (is_command)
            core->counters.note_no_answer(error);
        throw;
    }
}

asio::awaitable<chimerax::CommandResult> own_command(CorePtr core, SessionPtr session, std::string command) {
    using namespace asio::experimental::awaitable_operators;
    chimerax::RestRequest request;
    request.target = chimerax::run_target({std::move(command)});
    const auto exchange = std::make_shared<Exchange>(session->changed.executor());
    {
        const BusyMark busy(*session, BusyMark::Of::manager);
        co_await (exchange_with_engine(core, session, std::move(request), exchange) ||
                  until_must_end(session));
    }
    if (exchange->failure)
        std::rethrow_exception(exchange->failure);
    if (!exchange->finished)
        throw Error(Errc::engine, "ChimeraX ended before it answered");
    co_return chimerax::parse_command_result(exchange->reply.body);
}

} // namespace sandbox::manager
