#include "manager/lifecycle/launch.hpp"

#include "manager/admission/reload.hpp"
#include "manager/admission/retire.hpp"
#include "manager/lifecycle/attach.hpp"
#include "manager/session/launcher_client.hpp"
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
    request.learns = session.facts.learns;
    return request;
}

/// The kernel still shows something of this slot, or another sandbox has it: takes another one.
bool change_slot(Context& context, Session& session) {
    const auto other = context.slots.take();
    if (!other)
        return false;
    log::warning({session.id(), session.facts.tenant}, "session " + session.id() + ": slot " +
                                                           std::to_string(session.facts.slot) +
                                                           " is in use, taking " + std::to_string(*other));
    context.slots.give_back(session.facts.slot);
    session.facts.slot = *other;
    return true;
}

/// By the policy that is in force now, where it is another one than when the session was made.
bool renew_policy(Context& context, Session& session) {
    const std::string& name = session.probe_of.empty() ? session.facts.policy : session.probe_of;
    const policy::Policy& now = context.catalog.policy(name);
    if (now.digest == session.facts.policy_digest)
        return false;
    session.policy = policy::apply_overrides(now, session.overrides);
    if (session.kind() == Kind::probe)
        session.policy.publish = policy::Publish::none;
    session.facts.policy_digest = now.digest;
    session.grace = now.chimerax.grace;
    return true;
}

/// The launcher has another policy in force: it was started after the files had changed. Both read them then.
asio::awaitable<bool> agree_on_policy(ContextPtr context, SessionPtr session) {
    if (renew_policy(*context, *session))
        co_return true;
    try {
        co_await reload(context);
    } catch (const Error&) { // the log has it
        co_return false;
    }
    co_return renew_policy(*context, *session);
}

asio::awaitable<bool> may_try_again(ContextPtr context, SessionPtr session, protocol::Failure failure) {
    if (failure.code != Errc::conflict || session->must_end())
        co_return false;
    if (failure.field == "slot")
        co_return change_slot(*context, *session);
    if (failure.field == "digest") {
        const bool agreed = co_await agree_on_policy(context, session);
        co_return agreed;
    }
    co_return false;
}

void fail(Context& context, const SessionPtr& session, const protocol::Failure& failure) {
    session->request_end(EndReason::launch_failed, protocol::to_error(failure).full());
    // The launcher undoes all that it did before it says no: there is nothing to remove.
    retire(context, session, classify_end(session->intent()), "the launcher refused: " + failure.message);
}

protocol::Failure away() {
    return {Errc::unavailable, "the launcher is away", "Try again when it is back.", {}};
}

/// A launcher that is started again is back in a moment.
asio::awaitable<bool> is_connected(ContextPtr context) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + context->tuning.answer_timeout;
    bool in_time = true;
    while (!context->launcher->connected() && in_time)
        in_time = co_await context->launcher->changed().wait_until(deadline);
    co_return context->launcher->connected();
}

struct Outcome {
    bool made = false;
    bool is_unknown = false; ///< the connection was lost, or the launcher has a sandbox of this name
    protocol::Failure failure;
};

asio::awaitable<Outcome> try_launch(ContextPtr context, SessionPtr session) {
    protocol::Request request(request_for(*session));
    LauncherAnswer answer;
    try {
        answer = co_await context->launcher->call(std::move(request), context->tuning.launch_timeout);
    } catch (const Error& error) {
        if (error.code() != Errc::unavailable)
            throw;
        co_return Outcome{.made = false, .is_unknown = true, .failure = protocol::to_failure(error)};
    }
    if (auto* failure = std::get_if<protocol::Failure>(&answer.reply)) {
        const bool exists = failure->code == Errc::conflict && failure->field == "session";
        co_return Outcome{.made = false, .is_unknown = exists, .failure = std::move(*failure)};
    }
    auto* launched = std::get_if<protocol::Launched>(&answer.reply);
    if (launched == nullptr || launched->session != session->id() || answer.descriptors.size() != 2)
        throw Error(Errc::internal, "unexpected reply from the launcher to launch");
    session->take_launched(std::move(*launched), std::move(answer.descriptors));
    co_return Outcome{.made = true, .is_unknown = false, .failure = {}};
}

} // namespace

asio::awaitable<bool> launch(ContextPtr context, SessionPtr session) {
    try {
        for (int tries = 1; !session->must_end(); ++tries) {
            if (!co_await is_connected(context)) {
                fail(*context, session, away());
                co_return false;
            }
            const Outcome outcome = co_await try_launch(context, session);
            if (outcome.made)
                co_return true;
            if (outcome.is_unknown) {
                // It may have been made before the connection was lost, or is being made still.
                if (co_await attach(context, session))
                    co_return true;
                if (tries == kMaxTries)
                    throw protocol::to_error(outcome.failure);
                continue;
            }
            bool again = tries < kMaxTries;
            if (again)
                again = co_await may_try_again(context, session, outcome.failure);
            if (!again) {
                fail(*context, session, outcome.failure);
                co_return false;
            }
        }
    } catch (const Error& error) {
        // It took too long or the answer makes no sense: there may be a sandbox, which has to go.
        session->request_end(EndReason::launch_failed, error.full());
    }
    co_return false;
}

} // namespace sandbox::manager
