#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// Saves what ChimeraX has open into the session's workspace as often as its policy says, until
/// the session must end.
boost::asio::awaitable<void> watch_autosave(ContextPtr context, SessionPtr session);
/// Before a new start of ChimeraX: the last autosave is to be opened in it, unless opening it has ended
/// ChimeraX before.
void owe_autosave(Session& session);
/// Opens it, where it is owed to this start. That it fails is no reason to end.
boost::asio::awaitable<void> open_autosave(ContextPtr context, SessionPtr session);

} // namespace sandbox::manager
