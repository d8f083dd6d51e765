#include "manager/session/persistence.hpp"

#include <utility>

namespace sandbox::manager {
namespace {

SessionRecord record_of(const Context& context, const Session& session) {
    SessionRecord record;
    record.view = session.facts;
    record.view.state = session.state() == State::recovering ? session.left_as() : session.state();
    record.token_hash = session.token_hash;
    record.overrides = session.overrides;
    record.boot_id = context.boot_id;
    record.created = session.created();
    record.intent = session.intent();
    record.exit_asked = session.exit_asked;
    record.log_tail = session.log_tail;
    record.repeat = session.repeat;
    record.booked_cpu = session.open_use.booked_cpu();
    record.start_timeout = session.policy.chimerax.start_timeout;
    record.command_timeout = session.policy.chimerax.command_timeout;
    record.grace = session.grace;
    record.publish = session.policy.publish;
    record.lifecycle = session.lifecycle;
    record.lifetime_ceiling = session.policy.override_ceilings.max_lifetime
                                  ? session.policy.override_ceilings.max_lifetime
                                  : session.policy.lifecycle.max_lifetime;
    record.recovery = session.policy.recovery;
    record.audit_commands = session.policy.audit_commands;
    record.work_size = session.policy.filesystem.work.size;
    return record;
}

} // namespace

void note_audit(Context& context, const Session& session, std::string action, std::string outcome,
                std::string detail) {
    context.store.note({.at = std::chrono::system_clock::now(),
                        .action = std::move(action),
                        .actor = "manager",
                        .tenant = session.facts.tenant,
                        .session = session.id(),
                        .request_id = {},
                        .outcome = std::move(outcome),
                        .detail = std::move(detail),
                        .took = {}});
}

void persist(Context& context, const Session& session, std::optional<State> next) {
    if (session.kind() != Kind::tenant)
        return;
    SessionRecord record = record_of(context, session);
    if (next)
        record.view.state = *next;
    context.store.put(std::move(record));
}

void persist(Context& context, const Session& session, const DayUsage& account) {
    context.store.put(record_of(context, session), account);
}

boost::asio::awaitable<bool> flush(ContextPtr context) {
    try {
        co_await context->store.committed();
        co_return true;
    } catch (const Error&) {
        co_return false; // the writer has told the log, and goes on trying
    }
}

} // namespace sandbox::manager
