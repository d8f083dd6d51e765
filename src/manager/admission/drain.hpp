#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

inline constexpr std::chrono::seconds kDrainRetry{30};
/// What waits in the queue is refused. Throws Error where that cannot be kept over a restart.
void set_draining(Context& context, bool draining);
Error draining_error();
/// Returns when no session lives, or at the deadline; how many do.
boost::asio::awaitable<std::size_t> wait_until_empty(ContextPtr context, Duration timeout);

} // namespace sandbox::manager
