#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// Takes a session from `queued`, or from `recovering`, to `ended`.
boost::asio::awaitable<void> run_session(CorePtr core, SessionPtr session);
boost::asio::awaitable<void> resume_session(CorePtr core, SessionPtr session);
/// Lets one of them run by itself.
void start_running(const CorePtr& core, const SessionPtr& session, boost::asio::awaitable<void> life);

} // namespace sandbox::manager
