#include "manager/session/view.hpp"

namespace sandbox::manager {

SessionView view_of(const Context& context, const Session& session) {
    SessionView view = session.view();
    SessionView::Engine& engine = view.engine;
    if (const auto probed = context.probed_engines.find({engine.executable, view.policy_digest})) {
        engine.version = probed->version;
        engine.renders = probed->renders;
    }
    return view;
}

SessionView view_of(const Context& context, const SessionView& ended) {
    SessionView view = ended;
    if (!view.end || !view.end->log || view.end->log->fate != LogFate::kept)
        return view;
    SessionView::End::Log& log = *view.end->log;
    const Duration age = context.kept_logs->age();
    if (context.kept_logs->has(view.id)) {
        log.until = view.end->at + age;
    } else if (!context.site.logs.keep) {
        log = {LogFate::off, {}, {}, "This site keeps no logs of sessions that have ended."};
    } else if (std::chrono::system_clock::now() < view.end->at + age) {
        log = {LogFate::dropped, {}, {}, "It was dropped, as newer ones needed its room."};
    } else {
        log = {LogFate::expired, {}, {}, "It was kept for " + format_duration(age) + "."};
    }
    return view;
}

} // namespace sandbox::manager
