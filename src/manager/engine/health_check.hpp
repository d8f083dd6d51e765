#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// Looks after a session that serves until it must end.
boost::asio::awaitable<void> watch_health(ContextPtr context, SessionPtr session);
/// A request of an earlier manager may still be at work, which nobody can see: the session is `busy` until
/// its engine answers, and hung beyond the policy's command_timeout. Returns when that is known, and waits
/// for the answer beside all else.
boost::asio::awaitable<void> await_earlier_request(ContextPtr context, SessionPtr session);

} // namespace sandbox::manager
