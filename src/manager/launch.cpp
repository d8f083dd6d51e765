#include "core.hpp"
#include "sandbox/base/log.hpp"

#include <utility>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

constexpr int kMaxTries = 3;

protocol::Launch request_for(const Session& session) {
    protocol::Launch request;
    request.session = session.id();
    request.slot = session.facts.slot;
    request.tenant = session.facts.tenant;
    request.policy = session.facts.policy;
    request.digest = session.facts.policy_digest;
    request.memory_max = session.overrides.memory_max;
    request.cpus = session.overrides.cpus;
    request.pids_max = session.overrides.pids_max;
    request.environment = session.overrides.environment;
    request.token_hash = session.token_hash;
    request.probe_of = session.probe_of;
    return request;
}

/// The kernel still shows something of this slot, or another sandbox has it: takes another one.
bool change_slot(Core& core, Session& session) {
    const auto other = core.slots.take();
    if (!other)
        return false;
    log::warning("session " + session.id() + ": slot " + std::to_string(session.facts.slot) +
                 " is in use, taking " + std::to_string(*other));
    core.slots.give_back(session.facts.slot);
    session.facts.slot = *other;
    return true;
}

/// The launcher has read a newer policy than this program: reads it too, and goes by that one.
bool renew_policy(Core& core, Session& session) {
    core.catalog.reload();
    const std::string& name = session.probe_of.empty() ? session.facts.policy : session.probe_of;
    const policy::Policy& now = core.catalog.policy(name);
    if (now.digest == session.facts.policy_digest)
        return false;
    session.policy = policy::apply_overrides(now, session.overrides);
    session.facts.policy_digest = now.digest;
    session.grace = now.chimerax.grace;
    return true;
}

bool may_try_again(Core& core, Session& session, const protocol::Failure& failure) {
    if (failure.code != Errc::conflict || session.must_end())
        return false;
    if (failure.field == "slot")
        return change_slot(core, session);
    if (failure.field == "digest")
        return renew_policy(core, session);
    return false;
}

void fail(Core& core, const SessionPtr& session, const protocol::Failure& failure) {
    session->want_end(EndReason::launch_failed, protocol::to_error(failure).full());
    // The launcher undoes all that it did before it says no: there is nothing to remove.
    finish(core, session, judge(session->intent(), {}, {}), "the launcher refused: " + failure.message);
}

/// One try. nullopt: done, well or not; else what the launcher said.
asio::awaitable<std::optional<protocol::Failure>> try_launch(CorePtr core, SessionPtr session) {
    protocol::Request request(request_for(*session));
    LauncherAnswer answer = co_await core->launcher->call(std::move(request), core->tuning.launch_timeout);
    if (auto* failure = std::get_if<protocol::Failure>(&answer.reply))
        co_return std::move(*failure);
    auto* launched = std::get_if<protocol::Launched>(&answer.reply);
    if (launched == nullptr || launched->session != session->id() || answer.descriptors.size() != 2)
        throw Error(Errc::internal, "the launcher's answer to a launch is not one");
    session->take_launched(std::move(*launched), std::move(answer.descriptors));
    co_return std::nullopt;
}

} // namespace

asio::awaitable<bool> launch(CorePtr core, SessionPtr session) {
    try {
        for (int tries = 1;; ++tries) {
            if (!core->launcher->connected()) {
                protocol::Failure away;
                away.code = Errc::unavailable;
                away.message = "the launcher went away before this session's turn";
                away.cure = "Try again when it is back.";
                fail(*core, session, away);
                co_return false;
            }
            const std::optional<protocol::Failure> failure = co_await try_launch(core, session);
            if (!failure)
                co_return true;
            if (tries == kMaxTries || !may_try_again(*core, *session, *failure)) {
                fail(*core, session, *failure);
                co_return false;
            }
        }
    } catch (const Error& error) {
        // The connection was lost or the answer makes no sense: there may be a sandbox, which has to go.
        session->want_end(EndReason::launch_failed, error.full());
    }
    co_return false;
}

} // namespace sandbox::manager
