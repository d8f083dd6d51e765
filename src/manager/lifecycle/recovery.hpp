#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// Starts ChimeraX again in its sandbox, as its policy says, until it serves. Else the session
/// has to end.
boost::asio::awaitable<void> recover(ContextPtr context, SessionPtr session);

} // namespace sandbox::manager
