#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// Tells the session when ChimeraX or its sandbox has ended.
void watch_engine(const ContextPtr& context, const SessionPtr& session);
/// The same for a ChimeraX that was started again. Throw Error when the sandbox is gone.
void watch_payload_of(const ContextPtr& context, const SessionPtr& session);

} // namespace sandbox::manager
