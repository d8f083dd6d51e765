#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// Sandboxes of which the store knows nothing, and the last words of those that are gone.
boost::asio::awaitable<void> sweep(ContextPtr context);
/// The same when asked for, and what the launcher finds too; all that was found.
boost::asio::awaitable<std::vector<Leftover>> collect_garbage(ContextPtr context, bool dry_run);

} // namespace sandbox::manager
