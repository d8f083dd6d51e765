#include "core.hpp"

namespace sandbox::manager {

SessionView view_of(const Core& core, const Session& session) {
    SessionView view = session.view();
    SessionView::Engine& engine = view.engine;
    if (const auto version = core.versions.find({engine.executable, view.policy_digest}))
        engine.version = *version;
    // The name of the program tells before its own words do.
    const std::string program = engine.executable.substr(engine.executable.rfind('/') + 1);
    engine.stand_in =
        program.find("standin") != std::string::npos || engine.version.find("standin") != std::string::npos;
    return view;
}

} // namespace sandbox::manager
