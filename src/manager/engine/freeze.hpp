#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// Stops all of a session's processes, or lets them go on. The caller has the engine's turn.
boost::asio::awaitable<void> set_frozen(ContextPtr context, SessionPtr session, bool frozen, std::string why);
/// The same for a caller; Error conflict for a session that is busy.
boost::asio::awaitable<SessionView> freeze_on_request(ContextPtr context, SessionPtr session, bool frozen);

} // namespace sandbox::manager
