#pragma once

#include "api/auth/auth.hpp"
#include "api/http/message.hpp"
#include "sandbox/manager/requests.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace sandbox::api {

struct CommandRequest;

/// One request on its way through its handler.
struct RouteContext {
    Request request;
    Caller caller;
    std::map<std::string, std::string> captured;         ///< `{id}` of the pattern
    std::optional<manager::FoundSession> session = {};   ///< of the path, where the caller may see it
    std::shared_ptr<const CommandRequest> commands = {}; ///< of the body, where it has been read already
};

using Handler = std::function<boost::asio::awaitable<Response>(RouteContext context)>;

struct Route {
    std::string method;
    std::string pattern; ///< `/v1/sessions/{id}/wait`: a `{name}` takes one segment, a last `{name...}` all
                         ///< that follow
    Role minimum = Role::admin;
    std::uint64_t max_body = kMaxJsonBody;
    Handler handler;
    std::string action = {}; ///< what the audit trail calls it; empty for one that changes nothing
    bool streams_body = false;
    bool for_monitors = false;           ///< the role monitor may, too
    bool has_validators = false;         ///< ETags and times: it honours preconditions
    std::optional<bool> takes_body = {}; ///< else as its method has it; where not, one is refused
    bool takes_repeats = false;          ///< it honours Idempotency-Key
};

struct Match {
    const Route* route = nullptr;
    std::map<std::string, std::string> captured;
    std::vector<std::string> allowed; ///< where the path is known and the method is not: those that are
};

class Router {
  public:
    explicit Router(std::vector<Route> routes);

    /// Neither a route nor allowed methods: there is no such path.
    Match find(std::string_view method, std::string_view path) const;

    const std::vector<Route>& routes() const { return routes_; }

  private:
    std::vector<Route> routes_;
};

} // namespace sandbox::api
