#include "manager/lifecycle/garbage_collect.hpp"

#include "manager/accounting/registration.hpp"
#include "manager/lifecycle/session_runner.hpp"
#include "manager/session/exit_records.hpp"
#include "manager/session/launcher_client.hpp"
#include "manager/session/persistence.hpp"
#include "sandbox/base/log.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <unistd.h>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

/// Field 22 of /proc/PID/stat counts ticks since the boot, on the boot clock (proc(5)).
BootClock::time_point time_of_ticks(std::uint64_t ticks) {
    const auto per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    return BootClock::time_point(std::chrono::milliseconds(ticks * 1000 / per_second));
}

/// One that the store does not know: it was lost. What the launcher recorded of it is enough to go on, but
/// for its name, its labels and a caller's shorter clocks. Throws Error when its policy is not there any
/// more.
SessionPtr rebuild(Context& context, const protocol::Launched& found) {
    SessionView facts;
    facts.id = found.session;
    facts.tenant = found.tenant;
    facts.policy = found.policy;
    facts.policy_digest = found.digest;
    facts.slot = found.slot;
    facts.published_port = found.published_port;
    const BootClock::time_point created = time_of_ticks(found.start_time);
    facts.created_at = std::chrono::system_clock::now() -
                       std::chrono::duration_cast<WallTime::duration>(BootClock::now() - created);
    auto session = std::make_shared<Session>(context.io, context.tuning, Kind::tenant, std::move(facts),
                                             context.catalog.policy(found.policy), policy::Overrides{},
                                             found.token_hash);
    session->restore(State::starting, created, std::nullopt);
    return session;
}

/// One that this manager has given up and called ended, but that was made after all, or a probe of an earlier
/// manager. Where it still is at the next look, it is tried again.
asio::awaitable<void> end_quietly(ContextPtr context, std::string id) {
    log::info({.session = id}, "session " + id + " is at the launcher, but nobody's: ending it");
    try {
        protocol::Request request(protocol::End{id, 0});
        co_await context->launcher->call(std::move(request), context->tuning.end_margin);
        request = protocol::Forget{{id}};
        co_await context->launcher->call(std::move(request), context->tuning.answer_timeout);
        context->counters.orphans.at({"sandbox"}) += 1;
    } catch (const Error& error) {
        log::warning({.session = id}, "session " + id + ": " + error.what());
    }
}

bool is_nobodys(const Context& context, const protocol::Launched& found) {
    return found.tenant == kProbe || context.registry.ended(found.session) != nullptr;
}

void take_up(const ContextPtr& context, const protocol::Launched& found) {
    if (is_nobodys(*context, found)) {
        asio::co_spawn(context->io, end_quietly(context, found.session), asio::detached);
        return;
    }
    try {
        const SessionPtr session = rebuild(*context, found);
        session->has_slot = context->slots.take(found.slot);
        log::warning({found.session, found.tenant},
                     "session " + found.session + " of " + found.tenant +
                         " is not in the store: it is taken over as the launcher knows it");
        register_session(*context, session);
        persist(*context, *session);
        start_running(context, session, resume_session(context, session));
    } catch (const Error& error) {
        log::error({found.session, found.tenant}, "session " + found.session + " of " + found.tenant +
                                                      " cannot be taken over: " + error.what());
        context->counters.adopted.at({"failed"}) += 1;
        asio::co_spawn(context->io, end_quietly(context, found.session), asio::detached);
    }
}

/// Calls with each sandbox that the launcher has and this manager does not know.
template <typename Call>
asio::awaitable<void> for_each_unknown(ContextPtr context, Call call) {
    protocol::List request;
    for (bool more = true; more;) {
        protocol::Listed page =
            co_await ask<protocol::Listed>(*context->launcher, request, context->tuning.answer_timeout);
        if (page.more && page.sessions.empty())
            throw Error(Errc::internal, "the launcher's list says that there is more, but gives nothing");
        for (const protocol::Launched& one : page.sessions) {
            if (!context->registry.live(one.session))
                call(one);
            request.after = one.session;
        }
        more = page.more;
        co_await forget_exit_records(context, std::move(page.ended));
    }
}

asio::awaitable<void> sweep_once(const ContextPtr& context) {
    return for_each_unknown(context, [context](const protocol::Launched& one) { take_up(context, one); });
}

} // namespace

asio::awaitable<std::vector<Leftover>> collect_garbage(ContextPtr context, bool dry_run) {
    std::vector<Leftover> found;
    // Named: GCC 12 destroys a temporary in a co_await twice.
    const auto look = [context, &found, dry_run](const protocol::Launched& one) {
        if (is_nobodys(*context, one))
            found.push_back({"sandbox", one.session});
        if (!dry_run)
            take_up(context, one);
    };
    co_await for_each_unknown(context, look);
    protocol::Request request(protocol::Sweep{dry_run});
    protocol::Swept swept =
        co_await ask<protocol::Swept>(*context->launcher, std::move(request), context->tuning.answer_timeout);
    for (const Leftover& one : swept.found)
        context->counters.orphans.at({one.kind}) += dry_run ? 0 : 1;
    std::ranges::move(swept.found, std::back_inserter(found));
    co_return found;
}

asio::awaitable<void> sweep(ContextPtr context) {
    const std::uint64_t connection = context->launcher->connection();
    // Often at first: a sandbox whose making outlives the manager that asked for it comes late.
    Duration pause = std::min(context->tuning.reconnect_longest, context->tuning.sweep_interval);
    while (context->launcher->connected() && context->launcher->connection() == connection) {
        bool done = true;
        try {
            co_await sweep_once(context);
        } catch (const Error& error) {
            done = false;
            log::warning(std::string("listing what the launcher has: ") + error.what());
        }
        if (done && !context->swept) {
            context->swept = true;
            context->launcher->changed().notify();
        }
        co_await context->launcher->changed().wait_until(std::chrono::steady_clock::now() + pause);
        if (done)
            pause = std::min(2 * pause, context->tuning.sweep_interval);
    }
}

} // namespace sandbox::manager
