#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// A session whose processes stand still is `frozen` from now on, and its memory goes to the
/// swap, beside everything else.
void begin_rest(const CorePtr& core, const SessionPtr& session, const std::string& why);

} // namespace sandbox::manager
