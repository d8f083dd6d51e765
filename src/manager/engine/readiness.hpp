#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// Returns when the engine answers, or the session must end; sets start_timeout.
boost::asio::awaitable<void> wait_until_serving(ContextPtr context, SessionPtr session);
/// True when the engine's REST server answers in time.
boost::asio::awaitable<bool> engine_answers(SessionPtr session, Duration timeout);

} // namespace sandbox::manager
