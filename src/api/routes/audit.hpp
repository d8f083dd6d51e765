#pragma once

#include "api/routing/router.hpp"
#include "sandbox/manager/manager.hpp"

#include <string>

namespace sandbox::api {

/// Who called, as the audit trail says it: "admin uid 0", "tenant acme token", "session <id>".
std::string actor_text(const Caller& caller, const Peer& peer, bool by_token);

/// Runs the handler, and writes to the audit trail who asked for what, and what came of it. Throws what the
/// handler throws.
boost::asio::awaitable<Response> answer_audited(manager::Manager& manager, const Route& route,
                                                RouteContext context, std::string actor);

/// Somebody without the right to it.
void audit_refusal(manager::Manager& manager, const Request& request, const Peer& peer, const Error& error);

} // namespace sandbox::api
