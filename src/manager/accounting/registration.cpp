#include "manager/accounting/registration.hpp"

#include "manager/accounting/usage_booking.hpp"
#include "manager/session/persistence.hpp"
#include "sandbox/base/fault_points.hpp"
#include "sandbox/base/file.hpp"

#include <csignal>
#include <cstdlib>
#include <utility>

#include <unistd.h>

namespace sandbox::manager {
namespace {

/// The file that this variable names is a test's, with states' names, one a line. At the step that its first
/// line names, the manager dies: it is taken, and not stored yet. The line goes before, so that it is once.
void fault_point(State state) {
    if (!has_fault_points())
        return;
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

/// Those who follow it, and the audit trail: a step, or none for its making.
void publish_event(Context& context, const Session& session, std::optional<State> from,
                   const std::string& why) {
    Event event;
    event.at = std::chrono::system_clock::now();
    event.session = session.id();
    event.tenant = session.facts.tenant;
    event.state = session.state();
    event.previous = from;
    event.message = why;
    if (session.facts.end)
        event.reason = session.facts.end->reason;
    context.events.add(std::move(event));
    const std::string reason = session.facts.end ? std::string(to_text(session.facts.end->reason)) + ": " +
                                                       session.facts.end->message
                                                 : why;
    note_audit(context, session, "session.state", std::string(to_text(session.state())), reason);
}

} // namespace

void register_session(Context& context, const SessionPtr& session) {
    context.registry.add(session);
    session->open_day = day_of(std::chrono::system_clock::now());
    if (session->kind() == Kind::tenant) {
        session->on_moved = [&context, &session = *session](State from, const std::string& why) {
            fault_point(session.state());
            context.counters.note_step(session, from);
            publish_event(context, session, from, why);
            if (session.state() == State::ended)
                book(context, session);
            else
                persist(context, session);
        };
    }
    if (session->state() == State::recovering) // the store has it
        return;
    if (session->kind() != Kind::tenant)
        return;
    publish_event(context, *session, std::nullopt, "policy " + session->facts.policy);
    count_session(context, *session);
}

} // namespace sandbox::manager
