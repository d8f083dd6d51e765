#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// What a caller changes of it.
boost::asio::awaitable<SessionView> change_session(CorePtr core, SessionPtr session, SessionChange change);
boost::asio::awaitable<SessionView> restart_on_request(CorePtr core, SessionPtr session);

} // namespace sandbox::manager
