// Routes of the sessions themselves: create, list, get, delete, wait.
#include "sandbox/api/handlers.hpp"
#include "sandbox/api/problem.hpp"
#include "sandbox/api/requests.hpp"
#include "sandbox/api/session_json.hpp"
#include "sandbox/base/id.hpp"

#include <algorithm>

namespace asio = boost::asio;

namespace sandbox::api {
namespace {

using manager::Manager;
using manager::SessionView;
using manager::State;

constexpr Duration kDefaultWait = std::chrono::seconds(60), kMaxWait = std::chrono::hours(1);

Response ok(std::string body) {
    return {.status = 200, .content_type = "application/json", .body = std::move(body), .headers = {}};
}

Response answer_to_create(unsigned status, const SessionView& session, const std::string& token) {
    Response response = ok(session_json(session, token));
    response.status = status;
    response.headers.emplace_back("Location", "/v1/sessions/" + session.id);
    return response;
}

asio::awaitable<Response> create(Manager& manager, Exchange exchange) {
    check_parameters(exchange.request, {"wait", "timeout"});
    const auto wanted = exchange.request.parameter("wait");
    const Duration timeout = seconds_parameter(exchange.request, "timeout", kMaxWait).value_or(kDefaultWait);
    if (wanted && *wanted != "ready")
        throw Error(Errc::invalid_argument, "a create can wait for ready alone", "Send wait=ready.", "wait");
    manager::CreateRequest request = parse_create(exchange.request.body, exchange.caller);
    const manager::Created created = co_await manager.create(std::move(request));
    if (!wanted)
        co_return answer_to_create(202, created.session, created.token);
    const std::string id = created.session.id;
    bool late = false;
    SessionView session = created.session;
    try {
        std::vector<State> states{State::ready, State::busy};
        session = co_await manager.wait(id, std::move(states), timeout);
    } catch (const Error& error) {
        if (error.code() != Errc::timed_out)
            throw;
        late = true;
    }
    if (late)
        co_return answer_to_create(202, manager.get(id), created.token);
    if (session.end || session.state == State::ended)
        co_return ended_problem(error_of_end(session), session);
    co_return answer_to_create(201, session, created.token);
}

/// `label=k=v`, as often as wanted: all must hold.
bool has_labels(const SessionView& session, const Request& request) {
    return std::ranges::all_of(request.query, [&](const auto& parameter) {
        if (parameter.first != "label")
            return true;
        const std::size_t equals = parameter.second.find('=');
        const auto label = session.labels.find(parameter.second.substr(0, equals));
        return label != session.labels.end() &&
               (equals == std::string::npos || label->second == parameter.second.substr(equals + 1));
    });
}

void check_list_parameters(Request request) {
    std::erase_if(request.query, [](const auto& parameter) { return parameter.first == "label"; });
    check_parameters(request, {"state", "tenant", "limit"});
}

asio::awaitable<Response> list(Manager& manager, Exchange exchange) {
    const Request& request = exchange.request;
    check_list_parameters(request);
    const auto states = states_parameter(request, "state");
    const auto tenant = request.parameter("tenant");
    const auto limit = count_parameter(request, "limit", 100000);
    std::vector<SessionView> sessions = manager.list();
    std::erase_if(sessions, [&](const SessionView& session) {
        return !may_see(exchange.caller, session) || (tenant && session.tenant != *tenant) ||
               (!states.empty() && std::ranges::find(states, session.state) == states.end()) ||
               !has_labels(session, request);
    });
    if (limit && sessions.size() > *limit)
        sessions.resize(*limit);
    co_return ok(sessions_json(sessions));
}

asio::awaitable<Response> get(Manager& manager, Exchange exchange) {
    check_parameters(exchange.request, {});
    const SessionView session = visible_session(manager, exchange);
    if (session.state != State::ended)
        co_return ok(session_json(session));
    co_return ended_problem(Error(Errc::gone, "session " + session.id + " has ended", "Make a new session."),
                            session);
}

asio::awaitable<Response> remove(Manager& manager, Exchange exchange) {
    check_parameters(exchange.request, {"grace_seconds"});
    const auto grace = seconds_parameter(exchange.request, "grace_seconds", std::chrono::minutes(10));
    const std::string id = visible_session(manager, exchange).id;
    const SessionView session = co_await manager.remove(id, grace);
    co_return ok(session_json(session));
}

asio::awaitable<Response> wait(Manager& manager, Exchange exchange) {
    check_parameters(exchange.request, {"state", "timeout"});
    std::vector<State> states = states_parameter(exchange.request, "state");
    if (states.empty())
        states = {State::ready, State::ended};
    const Duration timeout = seconds_parameter(exchange.request, "timeout", kMaxWait).value_or(kDefaultWait);
    const std::string id = visible_session(manager, exchange).id;
    const SessionView session = co_await manager.wait(id, std::move(states), timeout);
    co_return ok(session_json(session));
}

} // namespace

bool may_see(const Caller& caller, const SessionView& session) {
    switch (caller.role) {
    case Role::admin:
        return true;
    case Role::tenant:
        return session.tenant == caller.tenant;
    case Role::session:
        return session.id == caller.session;
    case Role::anyone:
        break;
    }
    return false;
}

SessionView visible_session(const Manager& manager, const Exchange& exchange) {
    const std::string& id = exchange.captured.at("id");
    if (is_session_id(id)) {
        try {
            SessionView session = manager.get(id);
            if (may_see(exchange.caller, session))
                return session;
        } catch (const Error& error) {
            if (error.code() != Errc::not_found)
                throw;
        }
    }
    // One answer for what is not there and what is another's.
    throw Error(Errc::not_found, "there is no such session", "GET /v1/sessions lists yours.", "id");
}

void handlers::add_sessions(std::vector<Route>& routes, Manager& manager) {
    const auto add = [&](const char* method, const char* pattern, Role minimum,
                         asio::awaitable<Response> (*handler)(Manager&, Exchange)) {
        routes.push_back({.method = method,
                          .pattern = pattern,
                          .minimum = minimum,
                          .max_body = kMaxJsonBody,
                          .handler = [&manager, handler](Exchange exchange) {
                              return handler(manager, std::move(exchange));
                          }});
    };
    add("POST", "/v1/sessions", Role::tenant, create);
    add("GET", "/v1/sessions", Role::tenant, list);
    add("GET", "/v1/sessions/{id}", Role::session, get);
    add("DELETE", "/v1/sessions/{id}", Role::session, remove);
    add("GET", "/v1/sessions/{id}/wait", Role::session, wait);
}

} // namespace sandbox::api
