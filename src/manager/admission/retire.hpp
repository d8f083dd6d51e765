#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// The store knows nothing more of it, and its log goes too.
void forget(Context& context, std::string id);
/// The last step of every session: it is `ended`, its slot is free.
void retire(Context& context, const SessionPtr& session, SessionView::End end, const std::string& why);

} // namespace sandbox::manager
