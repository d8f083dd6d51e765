#include "core.hpp"
#include "sandbox/base/log.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

/// Ends one that no session of this manager is: it is shown as `ending`, then `ended`, reason orphaned.
void end_orphan(const CorePtr& core, protocol::Launched found) {
    SessionView facts;
    facts.id = found.session;
    facts.tenant = found.tenant;
    facts.policy = found.policy;
    facts.policy_digest = found.digest;
    facts.created_at = std::chrono::system_clock::now();
    policy::Policy policy;
    policy.name = found.policy;
    const Kind kind = found.tenant == kProbe ? Kind::probe : Kind::tenant;
    const std::string token_hash = found.token_hash;
    const auto session = std::make_shared<Session>(core->io, core->tuning, kind, std::move(facts),
                                                   std::move(policy), policy::Overrides{}, token_hash);
    session->take_launched(std::move(found), {});
    session->has_slot = core->slots.take(session->facts.slot);
    session->want_end(EndReason::orphaned, "It was made by an earlier manager, which did not hand it over.");
    core->registry.add(session);
    session->move_to(State::starting, "found at the launcher");
    start_running(core, session);
}

asio::awaitable<std::vector<protocol::Launched>> list_all(CorePtr core) {
    std::vector<protocol::Launched> all;
    protocol::List request;
    for (;;) {
        protocol::Listed page =
            co_await ask<protocol::Listed>(*core->launcher, request, core->tuning.answer_timeout);
        if (page.more && page.sessions.empty())
            throw Error(Errc::internal, "the launcher's list says that there is more, but gives nothing");
        for (protocol::Launched& one : page.sessions)
            all.push_back(std::move(one));
        if (!page.more)
            co_return all;
        request.after = all.back().session;
    }
}

/// One that this manager has given up and called ended, but that was made after all. Where it still is at the
/// next look, it is tried again.
asio::awaitable<void> end_quietly(CorePtr core, std::string id) {
    log::warning("session " + id + " has ended, but the launcher has its sandbox: ending it");
    protocol::Request request(protocol::End{id, 0});
    try {
        co_await core->launcher->call(std::move(request), core->tuning.end_margin);
    } catch (const Error& error) {
        log::warning("session " + id + ": " + error.what());
    }
}

/// Ends what is there and belongs to no session of this manager.
asio::awaitable<void> sweep_once(CorePtr core) {
    std::vector<protocol::Launched> all = co_await list_all(core);
    for (protocol::Launched& one : all) {
        if (core->registry.live(one.session))
            continue;
        if (core->registry.ended(one.session) != nullptr)
            asio::co_spawn(core->io, end_quietly(core, one.session), asio::detached);
        else
            end_orphan(core, std::move(one));
    }
}

} // namespace

asio::awaitable<void> sweep(CorePtr core) {
    const std::uint64_t connection = core->launcher->connection();
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
        // Again and again: a sandbox whose making outlived the manager that asked for it comes late.
        const Duration pause = done ? core->tuning.sweep_interval : core->tuning.reconnect_longest;
        co_await core->launcher->changed().wait_until(std::chrono::steady_clock::now() + pause);
    }
}

} // namespace sandbox::manager
