#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// Takes a session from `queued`, or from `recovering`, to `ended`.
boost::asio::awaitable<void> run_session(ContextPtr context, SessionPtr session);
boost::asio::awaitable<void> resume_session(ContextPtr context, SessionPtr session);
/// Lets one of them run by itself.
void start_running(const ContextPtr& context, const SessionPtr& session, boost::asio::awaitable<void> life);

} // namespace sandbox::manager
