#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// Removes the sandbox and tells why it ended. Returns when nothing is left.
boost::asio::awaitable<void> end_session(ContextPtr context, SessionPtr session);
/// What became of its log, once that is known.
boost::asio::awaitable<std::optional<SessionView::End::Log>> keep_log(ContextPtr context, SessionPtr session,
                                                                      KeptLogs::HeldUp held_up);

} // namespace sandbox::manager
