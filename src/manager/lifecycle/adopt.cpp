#include "manager/lifecycle/adopt.hpp"

#include "manager/accounting/registration.hpp"
#include "manager/accounting/usage_booking.hpp"
#include "manager/admission/admit.hpp"
#include "manager/admission/retire.hpp"
#include "manager/lifecycle/session_runner.hpp"
#include "manager/lifecycle/teardown.hpp"
#include "sandbox/base/log.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

/// What is in force of its policy; the file may say something else by now.
policy::Policy policy_of(const SessionRecord& record) {
    policy::Policy policy;
    policy.name = record.view.policy;
    policy.digest = record.view.policy_digest;
    policy.chimerax.start_timeout = record.start_timeout;
    policy.chimerax.command_timeout = record.command_timeout;
    policy.chimerax.grace = record.grace;
    policy.publish = record.publish;
    policy.lifecycle = record.lifecycle;
    policy.override_ceilings.max_lifetime = record.lifetime_ceiling;
    policy.recovery = record.recovery;
    policy.audit_commands = record.audit_commands;
    // Where it is not known, the kernel alone says when /work is full.
    policy.filesystem.work.size = record.work_size.value_or(Bytes{std::numeric_limits<std::uint64_t>::max()});
    return policy;
}

SessionPtr session_of(Context& context, const SessionRecord& record) {
    auto session = std::make_shared<Session>(context.io, context.tuning, Kind::tenant, record.view,
                                             policy_of(record), record.overrides, record.token_hash);
    session->exit_asked = record.exit_asked;
    session->log_tail = record.log_tail;
    session->repeat = record.repeat;
    session->open_use.restore(record.booked_cpu);
    session->restore(record.view.state, record.created, record.intent);
    return session;
}

asio::awaitable<void> end_with_host(ContextPtr context, SessionPtr session) {
    SessionView::End end;
    end.reason = EndReason::host_restarted;
    end.message = "The host was restarted while it ran. Make a new session.";
    end.log = co_await keep_log(context, session, KeptLogs::HeldUp::nothing);
    context->counters.adopted.at({"gone"}) += 1;
    retire(*context, session, std::move(end), "the host was restarted");
}

void load_tokens(Context& context) {
    for (TokenRecord& record : context.store.load_tokens())
        context.tokens.add(std::move(record));
}

/// Of those that are still known, in the order of their ends.
void adopt_logs(Context& context) {
    std::vector<KeptLogs::Known> known;
    for (const SessionView* view : context.registry.all_ended()) {
        const auto ago =
            std::max(std::chrono::system_clock::now() - view->end->at, WallTime::duration::zero());
        known.push_back({view->id, view->tenant, BootClock::now() - ago});
    }
    context.kept_logs->adopt(known);
}

void resume(const ContextPtr& context, const SessionPtr& session) {
    if (session->left_as() != State::queued)
        session->has_slot = context->slots.take(session->facts.slot);
    session->reservation.taken = session->left_as() != State::queued;
    start_running(context, session, resume_session(context, session));
}

} // namespace

void adopt(const ContextPtr& context) {
    load_tokens(*context);
    load_accounts(*context);
    std::vector<SessionRecord> ended, live;
    std::vector<std::pair<IdempotencyMark, std::string>> keys;
    for (SessionRecord& record : context->store.load())
        (record.view.end ? ended : live).push_back(std::move(record));
    std::ranges::stable_sort(ended, {}, [](const SessionRecord& record) { return record.view.end->at; });
    for (SessionRecord& record : ended) {
        if (record.repeat)
            keys.emplace_back(*record.repeat, record.view.id);
        for (std::string& id :
             context->registry.add_ended(std::move(record.view), std::move(record.token_hash)))
            context->store.forget(std::move(id));
    }
    adopt_logs(*context);
    for (const SessionRecord& record : live) {
        if (record.repeat)
            keys.emplace_back(*record.repeat, record.view.id);
        const SessionPtr session = session_of(*context, record);
        register_session(*context, session);
        if (record.boot_id != context->boot_id) {
            session->reservation.taken = false; // nothing of it is there but its log
            start_running(context, session, end_with_host(context, session));
        } else {
            resume(context, session);
        }
    }
    for (const auto& [mark, id] : keys)
        note_repeat(*context, mark, id);
    if (!live.empty() || !ended.empty()) {
        log::info("the store has " + std::to_string(live.size()) + " sessions that lived and " +
                  std::to_string(ended.size()) + " that had ended");
    }
}

} // namespace sandbox::manager
