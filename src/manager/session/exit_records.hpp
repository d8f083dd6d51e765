#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// The launcher keeps the last figures of a sandbox until the store has them: once it has, it may forget
/// those of these sessions that live no longer. What fails is done by the next sweep.
boost::asio::awaitable<void> forget_exit_records(ContextPtr context, std::vector<std::string> ids);

} // namespace sandbox::manager
