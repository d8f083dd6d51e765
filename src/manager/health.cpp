#include "core.hpp"

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

/// One look at an engine that has nothing to do. One that works on a request is busy, not ill.
asio::awaitable<void> check(CorePtr core, SessionPtr session) {
    const FifoGate::Permit turn = session->turns.try_enter();
    if (!turn)
        co_return;
    chimerax::RestRequest request;
    request.target = "/cmdline.html";
    const chimerax::RestLimits limits{core->tuning.probe_timeout, 1_MiB};
    std::string why;
    try {
        const chimerax::RestReply reply =
            co_await chimerax::request(session->endpoint(), std::move(request), limits);
        if (reply.status == 200) {
            session->failed_checks = 0;
            session->facts.health.last_ok_at = std::chrono::system_clock::now();
            co_return;
        }
        why = "status " + std::to_string(reply.status);
    } catch (const Error& error) {
        why = error.what();
    }
    if (++session->failed_checks >= core->tuning.health_failures) {
        session->want_end(EndReason::hung,
                          "ChimeraX stopped answering: " + std::to_string(session->failed_checks) +
                              " looks in a row failed, the last with: " + why);
    }
}

} // namespace

asio::awaitable<void> watch_health(CorePtr core, SessionPtr session) {
    SteadyTime next = std::chrono::steady_clock::now() + core->tuning.health_interval;
    while (!session->must_end()) {
        if (co_await session->changed.wait_until(next))
            continue;
        co_await check(core, session);
        next = std::chrono::steady_clock::now() + core->tuning.health_interval;
    }
}

} // namespace sandbox::manager
