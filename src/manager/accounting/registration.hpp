#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// Adds a session to the registry, and its record to the store, which has it anew after each step. Each step
/// is counted, told to those who follow the session, and written into the audit trail.
void register_session(Context& context, const SessionPtr& session);

} // namespace sandbox::manager
