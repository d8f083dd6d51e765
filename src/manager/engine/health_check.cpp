#include "manager/engine/health_check.hpp"

#include "manager/engine/readiness.hpp"
#include "sandbox/chimerax/rest_client.hpp"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

constexpr Duration kFirstLook = std::chrono::milliseconds(500);

/// One look at an engine that has nothing to do. One that works on a request is busy, not ill.
asio::awaitable<void> check(ContextPtr context, SessionPtr session) {
    const async::FairSemaphore::Permit turn = session->turns.try_enter();
    if (!turn || session->state() == State::frozen) // a frozen one answers nobody, and is not ill
        co_return;
    chimerax::RestRequest request;
    request.target = "/cmdline.html";
    const chimerax::RestLimits limits{context->tuning.probe_timeout, 1_MiB};
    std::string why;
    try {
        const chimerax::RestReply reply =
            co_await chimerax::request(session->endpoint(), std::move(request), limits);
        if (reply.status == 200) {
            session->failed_checks = 0;
            session->facts.health.last_ok_at = std::chrono::system_clock::now();
            context->counters.health_checks.at({"rest", "ok"}) += 1;
            co_return;
        }
        why = "status " + std::to_string(reply.status);
    } catch (const Error& error) {
        why = error.what();
    }
    context->counters.health_checks.at({"rest", "failed"}) += 1;
    if (++session->failed_checks >= context->tuning.health_failures) {
        session->engine_hung("ChimeraX stopped answering: " + std::to_string(session->failed_checks) +
                             " looks in a row failed, the last with: " + why);
    }
}

/// One look that takes as long as the request before it: a long one blocks all others in ChimeraX.
asio::awaitable<void> until_answered(ContextPtr context, SessionPtr session,
                                     async::FairSemaphore::Permit turn) {
    const async::FairSemaphore::Permit inside = std::move(turn);
    const SteadyTime deadline = std::chrono::steady_clock::now() + session->policy.chimerax.command_timeout;
    bool answered = false, in_time = true;
    while (!answered && in_time && !session->must_end() && session->state() == State::busy) {
        using namespace asio::experimental::awaitable_operators;
        const auto left = std::chrono::duration_cast<Duration>(deadline - std::chrono::steady_clock::now());
        in_time = left > Duration::zero();
        if (!in_time)
            break;
        const auto result = co_await (engine_answers(session, left) || session->changed.wait());
        const bool* answer = std::get_if<0>(&result);
        answered = answer != nullptr && *answer;
        if (answer != nullptr && !answered)
            co_await session->changed.wait_until(std::chrono::steady_clock::now() +
                                                 context->tuning.reconnect_first);
    }
    session->request_since.reset();
    if (session->must_end() || session->state() != State::busy)
        co_return;
    if (answered)
        session->move_to(State::ready, "it has finished the request that an earlier manager had sent");
    else
        session->engine_hung(
            "a request of an earlier manager ran longer than the policy's command_timeout of " +
            format_duration(session->policy.chimerax.command_timeout));
}

} // namespace

asio::awaitable<void> await_earlier_request(ContextPtr context, SessionPtr session) {
    using namespace asio::experimental::awaitable_operators;
    async::FairSemaphore::Permit turn = session->turns.try_enter();
    const auto result = co_await (engine_answers(session, kFirstLook) || session->changed.wait());
    if (session->must_end())
        co_return;
    const bool* answer = std::get_if<0>(&result);
    if (answer != nullptr && *answer) {
        session->move_to(State::ready, "taken over from an earlier manager");
        co_return;
    }
    session->request_since = BootClock::now();
    session->move_to(State::busy, "taken over from an earlier manager, whose request it may work on");
    asio::co_spawn(context->io, until_answered(context, session, std::move(turn)), asio::detached);
}

asio::awaitable<void> watch_health(ContextPtr context, SessionPtr session) {
    SteadyTime next = std::chrono::steady_clock::now() + context->tuning.health_interval;
    while (!session->must_end()) {
        if (co_await session->changed.wait_until(next))
            continue;
        next = std::chrono::steady_clock::now() + context->tuning.health_interval;
        co_await check(context, session);
    }
}

} // namespace sandbox::manager
