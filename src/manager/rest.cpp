#include "core.hpp"

#include <exception>
#include <string_view>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

/// One request that the engine works on, and who waits for it.
struct Exchange {
    explicit Exchange(const asio::any_io_executor& executor) : done(executor) {}
    Signal done;
    bool finished = false;
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

void check_serves(const Session& session) {
    if (session.serves())
        return;
    throw Error(Errc::conflict,
                "session " + session.id() + " is " + std::string(to_text(session.state())) + ", not ready",
                "Wait until it is ready.", "state");
}

/// `busy` and the clock of the request, however it ends.
class BusyMark {
  public:
    explicit BusyMark(Session& session) : session_(session) {
        session_.request_since = BootClock::now();
        session_.facts.last_activity_at = std::chrono::system_clock::now();
        if (session_.state() == State::ready)
            session_.move_to(State::busy, "a request");
    }
    BusyMark(const BusyMark&) = delete;
    BusyMark& operator=(const BusyMark&) = delete;
    ~BusyMark() {
        session_.request_since.reset();
        session_.facts.last_activity_at = std::chrono::system_clock::now();
        if (session_.state() == State::busy)
            session_.move_to(State::ready, "answered");
    }

  private:
    Session& session_;
};

void note_failure(Session& session, const Error& error) {
    if (error.code() == Errc::timed_out) {
        session.want_end(EndReason::hung, "a request ran longer than the policy's command_timeout of " +
                                              format_duration(session.policy.chimerax.command_timeout));
    }
}

asio::awaitable<void> until_ended(SessionPtr session) {
    while (session->state() != State::ended)
        co_await session->changed.wait();
}

/// Ends with the session: what is left of its network may never tell that the engine is gone.
asio::awaitable<void> exchange_with_engine(SessionPtr session, chimerax::RestRequest request,
                                           std::shared_ptr<Exchange> exchange) {
    const chimerax::RestLimits limits{session->policy.chimerax.command_timeout, 64_MiB};
    try {
        exchange->reply = co_await chimerax::request(session->endpoint(), std::move(request), limits);
        session->facts.health.last_ok_at = std::chrono::system_clock::now();
        session->failed_checks = 0;
    } catch (const Error& error) {
        note_failure(*session, error);
        exchange->failure = std::current_exception();
    }
    exchange->finished = true;
}

/// Goes on when the caller has gone: there is no way to cancel a command, and until ChimeraX has answered
/// it takes no other.
asio::awaitable<void> carry_out(SessionPtr session, FifoGate::Permit turn, chimerax::RestRequest request,
                                std::shared_ptr<Exchange> exchange) {
    const FifoGate::Permit inside = std::move(turn);
    {
        using namespace asio::experimental::awaitable_operators;
        const BusyMark busy(*session);
        co_await (exchange_with_engine(session, std::move(request), exchange) || until_ended(session));
    }
    if (!exchange->finished) {
        exchange->failure = std::make_exception_ptr(
            Error(Errc::gone, "session " + session->id() + " ended before ChimeraX answered",
                  "The command may have run; make a new session."));
    }
    exchange->finished = true;
    exchange->done.notify();
}

} // namespace

asio::awaitable<chimerax::RestReply> rest(CorePtr core, SessionPtr session, chimerax::RestRequest request,
                                          Duration timeout) {
    check_target(request);
    check_serves(*session);
    const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
    FifoGate::Permit turn = co_await session->turns.enter(deadline);
    check_serves(*session);

    const auto exchange = std::make_shared<Exchange>(core->io.get_executor());
    asio::co_spawn(core->io, carry_out(session, std::move(turn), std::move(request), exchange),
                   asio::detached);
    while (!exchange->finished) {
        if (!co_await exchange->done.wait_until(deadline)) {
            throw Error(Errc::timed_out, "ChimeraX has not answered in " + format_duration(timeout),
                        "The command still runs, and the session is busy until it ends.");
        }
    }
    if (exchange->failure)
        std::rethrow_exception(exchange->failure);
    co_return std::move(exchange->reply);
}

} // namespace sandbox::manager
