#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// What a caller changes of it.
boost::asio::awaitable<SessionView> change_session(ContextPtr context, SessionPtr session,
                                                   SessionChange change);
boost::asio::awaitable<SessionView> restart_on_request(ContextPtr context, SessionPtr session);

} // namespace sandbox::manager
