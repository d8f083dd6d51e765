#include "core.hpp"

namespace sandbox::manager {

SessionView view_of(const Core& core, const Session& session) {
    SessionView view = session.view();
    SessionView::Engine& engine = view.engine;
    if (const auto probed = core.probed_engines.find({engine.executable, view.policy_digest})) {
        engine.version = probed->version;
        engine.renders = probed->renders;
    }
    return view;
}

} // namespace sandbox::manager
