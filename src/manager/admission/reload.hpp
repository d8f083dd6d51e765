#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// Reads all files of the site again and takes them, here and at the launcher, or none of them.
boost::asio::awaitable<Reloaded> reload(ContextPtr context);

} // namespace sandbox::manager
