// A host that is to become empty: nothing new comes, and what lives ends in its own time.
#include "manager/admission/drain.hpp"

#include "manager/admission/retire.hpp"
#include "manager/store/state_dir.hpp"
#include "sandbox/base/log.hpp"

#include <algorithm>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

constexpr const char* kWhy = "The host takes no new sessions: it is being drained.";

void refuse_queue(Context& context) {
    std::vector<SessionPtr> queued;
    for (const auto& [number, session] : context.registry.all_live())
        if (session->kind() == Kind::tenant && session->state() == State::queued)
            queued.push_back(session);
    for (const SessionPtr& session : queued)
        if (session->request_end(EndReason::shutdown, kWhy))
            retire(context, session, classify_end(session->intent()), kWhy);
}

std::size_t count_live(const Context& context) {
    return static_cast<std::size_t>(std::ranges::count_if(
        context.registry.all_live(), [](const auto& entry) { return entry.second->kind() == Kind::tenant; }));
}

} // namespace

Error draining_error() {
    return Error(Errc::unavailable, "the host takes no new sessions: it is being drained",
                 "Use another host, or try again when it is back.")
        .with({kDrainRetry, "draining"});
}

void set_draining(Context& context, bool draining) {
    if (context.draining == draining)
        return;
    keep_draining(context.site, draining);
    context.draining = draining;
    log::info(draining ? "drains: takes no new sessions" : "takes new sessions again");
    if (draining)
        refuse_queue(context);
}

asio::awaitable<std::size_t> wait_until_empty(ContextPtr context, Duration timeout) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
    bool in_time = true;
    while (count_live(*context) > 0 && !context->leaving && in_time)
        in_time = co_await context->events.changed.wait_until(deadline);
    co_return count_live(*context);
}

} // namespace sandbox::manager
