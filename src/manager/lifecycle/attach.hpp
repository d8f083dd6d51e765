#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// Whether the launcher has a session's sandbox, and takes it over then. Asks until there is an answer.
boost::asio::awaitable<bool> attach(ContextPtr context, SessionPtr session);

} // namespace sandbox::manager
