#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// Finds out the version of a session's engine and whether it renders, unless known, in a
/// sandbox of its own.
void probe_engine(const ContextPtr& context, const SessionPtr& session);

} // namespace sandbox::manager
