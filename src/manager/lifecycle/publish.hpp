#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// A listening socket on the host's loopback, whose connections go to the handler.
boost::asio::awaitable<void> publish(ContextPtr context, SessionPtr session);

} // namespace sandbox::manager
