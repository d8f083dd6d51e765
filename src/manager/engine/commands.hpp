#pragma once

#include "manager/session/context.hpp"
#include "sandbox/manager/command_list.hpp"

namespace sandbox::manager {

/// Several commands in one turn.
boost::asio::awaitable<CommandsRun> run_commands(ContextPtr context, SessionPtr session, CommandList list);

} // namespace sandbox::manager
