#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// Removes the sandbox and tells why it ended. Returns when nothing is left.
boost::asio::awaitable<void> end_session(CorePtr core, SessionPtr session);
/// What became of its log, once that is known.
boost::asio::awaitable<std::optional<SessionView::End::Log>> keep_log(CorePtr core, SessionPtr session,
                                                                      KeptLogs::HeldUp held_up);

} // namespace sandbox::manager
