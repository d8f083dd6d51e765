#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// Several commands in one turn.
boost::asio::awaitable<CommandsRun> run_commands(CorePtr core, SessionPtr session, CommandList list);

} // namespace sandbox::manager
