#pragma once

#include "api/routing/http_metrics.hpp"
#include "api/routing/router.hpp"
#include "sandbox/manager/manager.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace sandbox::api {

/// Makes all routes of the API over a manager, which must outlive them, as must the metrics.
Router make_router(manager::Manager& manager, const std::string& version, const HttpMetrics& http);

/// Looks the session of the path up, once for the handler and for the audit trail.
void find_session(const manager::Manager& manager, RouteContext& context);

/// Returns the session that find_session() has found. Throws Error not_found where the caller may not see it:
/// whether it exists is none of the caller's business.
const manager::FoundSession& visible_session(const RouteContext& context);

/// True for an admin, the session's tenant, and the session's own token.
bool may_see(const Caller& caller, const std::string& session, const std::string& tenant);

/// Sends a request of a caller's to ChimeraX and its answer back: only /run and /cmdline.html, only GET and
/// POST. `path` is ChimeraX's. Throws what Manager::rest throws.
boost::asio::awaitable<Response> forward_rest(manager::Manager& manager, manager::FoundSession session,
                                              std::string path, Request request);

/// Calls a handler that needs a session that lives. Where it has ended, or ends meanwhile, the answer is 410
/// with its end; where the client goes away, it stops waiting for its start, or for a turn.
boost::asio::awaitable<Response>
answer_living(manager::Manager& manager,
              std::function<boost::asio::awaitable<Response>(manager::Manager&, RouteContext)> function,
              RouteContext context);

/// Adds routes whose handlers are functions over the manager, with JSON bodies; what else a route has is set
/// in the one that comes back, before the next is added.
class RouteAdder {
  public:
    using Function = boost::asio::awaitable<Response> (*)(manager::Manager&, RouteContext);

    RouteAdder(std::vector<Route>& routes, manager::Manager& manager) : routes_(routes), manager_(manager) {}

    Route& operator()(const char* method, const char* pattern, Role minimum, Function function,
                      const char* action = "") const {
        return routes_.emplace_back(
            Route{.method = method,
                  .pattern = pattern,
                  .minimum = minimum,
                  .max_body = kMaxJsonBody,
                  .handler = [&manager = manager_, function](
                                 RouteContext context) { return function(manager, std::move(context)); },
                  .action = action});
    }

    /// The same for a handler that answer_living calls.
    Route& living(const char* method, const char* pattern, Role minimum, Function function,
                  const char* action = "") const {
        Route& route = (*this)(method, pattern, minimum, function, action);
        route.handler = [&manager = manager_, function](RouteContext context) {
            return answer_living(manager, function, std::move(context));
        };
        return route;
    }

  private:
    std::vector<Route>& routes_;
    manager::Manager& manager_;
};

namespace handlers {
// One file for each group of routes; each adds its own.
void add_sessions(std::vector<Route>& routes, manager::Manager& manager);
void add_commands(std::vector<Route>& routes, manager::Manager& manager);
void add_engine(std::vector<Route>& routes, manager::Manager& manager);
void add_logs(std::vector<Route>& routes, manager::Manager& manager);
void add_files(std::vector<Route>& routes, manager::Manager& manager);
void add_events(std::vector<Route>& routes, manager::Manager& manager);
void add_tokens(std::vector<Route>& routes, manager::Manager& manager);
void add_dashboard(std::vector<Route>& routes);
void add_admin(std::vector<Route>& routes, manager::Manager& manager);
void add_metrics(std::vector<Route>& routes, manager::Manager& manager, const HttpMetrics& http,
                 const std::string& version);
void add_catalog(std::vector<Route>& routes, manager::Manager& manager, const std::string& version);
} // namespace handlers

} // namespace sandbox::api
