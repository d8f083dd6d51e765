#pragma once

#include "manager/session/context.hpp"

#include <optional>
#include <string>
#include <vector>

/// What callers ask of one session, and wait for: see manager.hpp.
namespace sandbox::manager {

boost::asio::awaitable<Created> create_session(ContextPtr context, CreateRequest request);
boost::asio::awaitable<SessionView> wait_for(ContextPtr context, std::string id, std::vector<State> states,
                                             Duration timeout);
boost::asio::awaitable<SessionView> remove_session(ContextPtr context, std::string id,
                                                   std::optional<Duration> grace);
boost::asio::awaitable<SessionView> extend_session(ContextPtr context, std::string id, Duration by);
boost::asio::awaitable<std::string> inspect_session(ContextPtr context, std::string id);

/// Where nothing ends it yet. Of a session in the queue nothing has been made: it ends here and now.
void end_on_request(Context& context, const SessionPtr& session, EndReason reason,
                    const std::string& message);

/// Ends all sessions, each with its own grace, and lets the launcher go.
boost::asio::awaitable<void> end_all(ContextPtr context);

} // namespace sandbox::manager
