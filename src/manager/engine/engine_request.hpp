#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// One request to the engine, when its turn comes.
boost::asio::awaitable<chimerax::RestReply> rest(CorePtr core, SessionPtr session,
                                                 chimerax::RestRequest request, Duration timeout);

} // namespace sandbox::manager
