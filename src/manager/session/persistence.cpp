#include "manager/session/context.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/base/log.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

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

/// The file that this variable names is a test's, with states' names, one a line. At the step that its first
/// line names, the manager dies: it is taken, and not stored yet. The line goes before, so that it is once.
void fault_point(State state) {
    const char* file = ::getenv("SANDBOXD_FAULT_FILE");
    if (file == nullptr || ::access(file, R_OK) != 0)
        return;
    const std::string lines = read_file(file, 256);
    const std::string first = std::string(to_text(state)) + '\n';
    if (!lines.starts_with(first))
        return;
    if (lines == first)
        ::unlink(file);
    else
        write_file_atomically(file, lines.substr(first.size()), 0600);
    ::kill(::getpid(), SIGKILL);
}

/// The manager's own. Made when it is not there.
std::string own_folder(const policy::Site& site) {
    std::string folder = site.state_dir + "/manager";
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
        const bool is_for_launcher = errno == ENOENT || errno == EACCES || errno == EPERM;
        throw_errno("cannot make " + folder,
                    is_for_launcher
                        ? "sandbox-launcher makes it for the manager's user: see whether that one runs."
                        : "");
    }
    return folder;
}

/// A random text in a file of its own. Made when it is not there.
std::string own_secret(const policy::Site& site, const char* name) {
    const std::string path = own_folder(site) + "/" + name;
    if (::access(path.c_str(), F_OK) != 0)
        write_file_atomically(path, new_token(), 0600);
    return read_file(path, 4096);
}

/// Those who follow it, and the audit trail: a step, or none for its making.
void tell(Core& core, const Session& session, std::optional<State> from, const std::string& why) {
    Event event;
    event.at = std::chrono::system_clock::now();
    event.session = session.id();
    event.tenant = session.facts.tenant;
    event.state = session.state();
    event.previous = from;
    event.message = why;
    if (session.facts.end)
        event.reason = session.facts.end->reason;
    core.events.add(std::move(event));
    const std::string reason = session.facts.end ? std::string(to_text(session.facts.end->reason)) + ": " +
                                                       session.facts.end->message
                                                 : why;
    note_audit(core, session, "session.state", std::string(to_text(session.state())), reason);
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

std::string store_path(const policy::Site& site) {
    return own_folder(site) + "/sessions.db";
}

AuditFile open_audit(const policy::Site& site) {
    AuditFile::Limits limits;
    limits.total_size = site.audit.size;
    limits.age = site.audit.keep;
    limits.file_size = std::min(limits.file_size, Bytes{site.audit.size.value / 4});
    return {audit_folder(site), limits};
}

std::string audit_folder(const policy::Site& site) {
    return own_folder(site) + "/audit";
}

std::string kept_logs_folder(const policy::Site& site) {
    return own_folder(site) + "/logs";
}

std::string token_secret(const policy::Site& site) {
    return own_secret(site, "token-secret");
}

std::string audit_key(const policy::Site& site) {
    return own_secret(site, "audit-key");
}

std::string read_boot_id() {
    std::string text = read_file("/proc/sys/kernel/random/boot_id", 64);
    std::erase(text, '\n');
    return text;
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

void keep(Core& core, const SessionPtr& session) {
    core.registry.add(session);
    session->open_day = day_of(std::chrono::system_clock::now());
    if (session->kind() == Kind::tenant) {
        session->on_moved = [&core, &session = *session](State from, const std::string& why) {
            fault_point(session.state());
            core.counters.note_step(session, from);
            tell(core, session, from, why);
            if (session.state() == State::ended)
                book(core, session);
            else
                put_record(core, session);
        };
    }
    if (session->state() == State::recovering) // the store has it
        return;
    if (session->kind() != Kind::tenant)
        return;
    tell(core, *session, std::nullopt, "policy " + session->facts.policy);
    count_made(core, *session);
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
