#include "manager/engine/readiness.hpp"

#include "sandbox/chimerax/rest_client.hpp"

#include <algorithm>

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

constexpr Duration kFirstPause(5), kLongestPause(100);

Duration until(SteadyTime deadline) {
    return std::chrono::duration_cast<Duration>(deadline - std::chrono::steady_clock::now());
}

void give_up(Session& session) {
    session.request_end(
        EndReason::start_timeout,
        "ChimeraX did not answer on its REST port within " +
            format_duration(session.policy.chimerax.start_timeout) +
            ". The log's last lines may say why (a port or name that it cannot bind, a missing "
            "library); else give the policy a longer start_timeout.");
}

} // namespace

asio::awaitable<bool> engine_answers(SessionPtr session, Duration timeout) {
    chimerax::RestRequest request;
    request.target = "/cmdline.html";
    const chimerax::RestLimits limits{timeout, 1_MiB};
    try {
        const chimerax::RestReply reply =
            co_await chimerax::request(session->endpoint(), std::move(request), limits);
        co_return reply.status == 200;
    } catch (const Error&) {
        co_return false; // not yet
    }
}

asio::awaitable<void> wait_until_serving(ContextPtr context, SessionPtr session) {
    using namespace asio::experimental::awaitable_operators;
    const SteadyTime deadline = std::chrono::steady_clock::now() + session->policy.chimerax.start_timeout;
    Duration pause = kFirstPause;
    while (!session->must_end()) {
        const Duration left = until(deadline);
        if (left <= Duration::zero()) {
            give_up(*session);
            co_return;
        }
        // An engine that dies meanwhile must not be waited for: its address may be gone, and then nothing
        // answers, not even a refusal.
        const auto result =
            co_await (engine_answers(session, std::min(left, context->tuning.probe_timeout)) ||
                      session->changed.wait());
        if (session->must_end())
            co_return;
        const bool* serves = std::get_if<0>(&result);
        if (serves != nullptr && *serves) {
            session->facts.health.last_ok_at = std::chrono::system_clock::now();
            if (!session->facts.ready_at) { // not one that was started again
                session->facts.ready_at = session->facts.health.last_ok_at;
                session->note_activity();
            }
            co_return;
        }
        co_await session->changed.wait_until(std::min(deadline, std::chrono::steady_clock::now() + pause));
        pause = std::min(pause * 2, kLongestPause);
    }
}

} // namespace sandbox::manager
