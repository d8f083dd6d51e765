#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// Asks the launcher for the sandbox. False: it could not be made, and the session says why.
boost::asio::awaitable<bool> launch(ContextPtr context, SessionPtr session);

} // namespace sandbox::manager
