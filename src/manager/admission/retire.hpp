#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// The store knows nothing more of it, and its log goes too.
void forget(Core& core, std::string id);
/// The last step of every session: it is `ended`, its slot is free.
void finish(Core& core, const SessionPtr& session, SessionView::End end, const std::string& why);

} // namespace sandbox::manager
