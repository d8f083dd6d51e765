#include "manager/session/persistence.hpp"

#include <utility>

namespace sandbox::manager {
namespace {

SessionRecord record_of(const Core& core, const Session& session) {
    SessionRecord record;
    record.view = session.facts;
    record.view.state = session.state() == State::recovering ? session.left_as() : session.state();
    record.token_hash = session.token_hash;
    record.overrides = session.overrides;
    record.boot_id = core.boot_id;
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

void note_audit(Core& core, const Session& session, std::string action, std::string outcome,
                std::string detail) {
    core.store.note({.at = std::chrono::system_clock::now(),
                     .action = std::move(action),
                     .actor = "manager",
                     .tenant = session.facts.tenant,
                     .session = session.id(),
                     .request_id = {},
                     .outcome = std::move(outcome),
                     .detail = std::move(detail),
                     .took = {}});
}

void put_record(Core& core, const Session& session, std::optional<State> next) {
    if (session.kind() != Kind::tenant)
        return;
    SessionRecord record = record_of(core, session);
    if (next)
        record.view.state = *next;
    core.store.put(std::move(record));
}

void put_record(Core& core, const Session& session, const DayUsage& account) {
    core.store.put(record_of(core, session), account);
}

boost::asio::awaitable<bool> is_stored(CorePtr core) {
    try {
        co_await core->store.committed();
        co_return true;
    } catch (const Error&) {
        co_return false; // the writer has told the log, and goes on trying
    }
}

} // namespace sandbox::manager
