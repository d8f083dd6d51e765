#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

// Each in the file of its name.
/// persistence.cpp: adds a session to the registry, and its record to the store, there anew at each step.
void register_session(Context& context, const SessionPtr& session);

} // namespace sandbox::manager
