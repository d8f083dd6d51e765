#pragma once

#include "manager/session/context.hpp"
#include "sandbox/chimerax/rest_client.hpp"

namespace sandbox::manager {

/// One request to the engine, when its turn comes.
boost::asio::awaitable<chimerax::RestReply> send_request(ContextPtr context, SessionPtr session,
                                                         chimerax::RestRequest request, Duration timeout);

} // namespace sandbox::manager
