#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// Ends the session when it is idle for too long, or has lived for too long.
boost::asio::awaitable<void> watch_clocks(ContextPtr context, SessionPtr session);

} // namespace sandbox::manager
