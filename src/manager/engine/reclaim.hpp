#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// A session whose processes stand still is `frozen` from now on, and its memory goes to the
/// swap, beside everything else.
void enter_frozen(const ContextPtr& context, const SessionPtr& session, const std::string& why);

} // namespace sandbox::manager
