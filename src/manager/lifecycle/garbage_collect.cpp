#include "manager/lifecycle/garbage_collect.hpp"

#include "manager/accounting/registration.hpp"
#include "manager/lifecycle/session_runner.hpp"
#include "manager/session/exit_records.hpp"
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
SessionPtr rebuild(Core& core, const protocol::Launched& found) {
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
    auto session =
        std::make_shared<Session>(core.io, core.tuning, Kind::tenant, std::move(facts),
                                  core.catalog.policy(found.policy), policy::Overrides{}, found.token_hash);
    session->restore(State::starting, created, std::nullopt);
    return session;
}

/// One that this manager has given up and called ended, but that was made after all, or a probe of an earlier
/// manager. Where it still is at the next look, it is tried again.
asio::awaitable<void> end_quietly(CorePtr core, std::string id) {
    log::info({.session = id}, "session " + id + " is at the launcher, but nobody's: ending it");
    try {
        protocol::Request request(protocol::End{id, 0});
        co_await core->launcher->call(std::move(request), core->tuning.end_margin);
        request = protocol::Forget{{id}};
        co_await core->launcher->call(std::move(request), core->tuning.answer_timeout);
        core->counters.orphans.at({"sandbox"}) += 1;
    } catch (const Error& error) {
        log::warning({.session = id}, "session " + id + ": " + error.what());
    }
}

bool is_nobodys(const Core& core, const protocol::Launched& found) {
    return found.tenant == kProbe || core.registry.ended(found.session) != nullptr;
}

void take_up(const CorePtr& core, const protocol::Launched& found) {
    if (is_nobodys(*core, found)) {
        asio::co_spawn(core->io, end_quietly(core, found.session), asio::detached);
        return;
    }
    try {
        const SessionPtr session = rebuild(*core, found);
        session->has_slot = core->slots.take(found.slot);
        log::warning({found.session, found.tenant},
                     "session " + found.session + " of " + found.tenant +
                         " is not in the store: it is taken over as the launcher knows it");
        keep(*core, session);
        put_record(*core, *session);
        start_running(core, session, resume_session(core, session));
    } catch (const Error& error) {
        log::error({found.session, found.tenant}, "session " + found.session + " of " + found.tenant +
                                                      " cannot be taken over: " + error.what());
        core->counters.adopted.at({"failed"}) += 1;
        asio::co_spawn(core->io, end_quietly(core, found.session), asio::detached);
    }
}

/// Calls with each sandbox that the launcher has and this manager does not know.
template <typename Call>
asio::awaitable<void> for_each_unknown(CorePtr core, Call call) {
    protocol::List request;
    for (bool more = true; more;) {
        protocol::Listed page =
            co_await ask<protocol::Listed>(*core->launcher, request, core->tuning.answer_timeout);
        if (page.more && page.sessions.empty())
            throw Error(Errc::internal, "the launcher's list says that there is more, but gives nothing");
        for (const protocol::Launched& one : page.sessions) {
            if (!core->registry.live(one.session))
                call(one);
            request.after = one.session;
        }
        more = page.more;
        co_await forget_last_words(core, std::move(page.ended));
    }
}

asio::awaitable<void> sweep_once(const CorePtr& core) {
    return for_each_unknown(core, [core](const protocol::Launched& one) { take_up(core, one); });
}

} // namespace

asio::awaitable<std::vector<Leftover>> collect_garbage(CorePtr core, bool dry_run) {
    std::vector<Leftover> found;
    // Named: GCC 12 destroys a temporary in a co_await twice.
    const auto look = [core, &found, dry_run](const protocol::Launched& one) {
        if (is_nobodys(*core, one))
            found.push_back({"sandbox", one.session});
        if (!dry_run)
            take_up(core, one);
    };
    co_await for_each_unknown(core, look);
    protocol::Request request(protocol::Sweep{dry_run});
    protocol::Swept swept =
        co_await ask<protocol::Swept>(*core->launcher, std::move(request), core->tuning.answer_timeout);
    for (const Leftover& one : swept.found)
        core->counters.orphans.at({one.kind}) += dry_run ? 0 : 1;
    std::ranges::move(swept.found, std::back_inserter(found));
    co_return found;
}

asio::awaitable<void> sweep(CorePtr core) {
    const std::uint64_t connection = core->launcher->connection();
    // Often at first: a sandbox whose making outlives the manager that asked for it comes late.
    Duration pause = std::min(core->tuning.reconnect_longest, core->tuning.sweep_interval);
    while (core->launcher->connected() && core->launcher->connection() == connection) {
        bool done = true;
        try {
            co_await sweep_once(core);
        } catch (const Error& error) {
            done = false;
            log::warning(std::string("listing what the launcher has: ") + error.what());
        }
        if (done && !core->swept) {
            core->swept = true;
            core->launcher->changed().notify();
        }
        co_await core->launcher->changed().wait_until(std::chrono::steady_clock::now() + pause);
        if (done)
            pause = std::min(2 * pause, core->tuning.sweep_interval);
    }
}

} // namespace sandbox::manager
