#include "manager/admission/retire.hpp"

#include "manager/admission/scheduler.hpp"
#include "manager/session/view.hpp"

#include <utility>

namespace sandbox::manager {

void forget(Context& context, std::string id) {
    context.kept_logs->forget(id);
    context.store.forget(std::move(id));
}

void retire(Context& context, const SessionPtr& session, SessionView::End end, const std::string& why) {
    // The caller's may be the registry's own, which goes below.
    const SessionPtr keep = session; // NOLINT(performance-unnecessary-copy-initialization)
    const Error gone(Errc::gone, "session " + keep->id() + " has ended", "Make a new session.");
    keep->turns.close(gone);
    keep->puts.close(gone);
    keep->let_go();
    end.at = std::chrono::system_clock::now();
    end.log_tail = std::move(keep->log_tail);
    keep->facts.end = std::move(end);
    keep->facts.timeline = {};
    keep->move_to(State::ended, why);
    SessionView last = view_of(context, *keep);
    last.usage = {
        .memory = {}, .memory_peak = last.end->memory_peak, .cpu_seconds = last.end->cpu_seconds, .pids = {}};
    for (std::string& id : context.registry.retire(keep, std::move(last)))
        forget(context, std::move(id));
    if (keep->has_slot)
        context.slots.give_back(keep->facts.slot);
    leave_queue(context, *keep);
}

} // namespace sandbox::manager
