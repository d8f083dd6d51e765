#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// What a caller sees, with the engine's version.
SessionView view_of(const Context& context, const Session& session);
/// The same of one that has ended, with what has become of its log until now.
SessionView view_of(const Context& context, const SessionView& ended);

} // namespace sandbox::manager
