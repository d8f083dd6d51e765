// Routes of the sessions themselves: create, list, get, delete, wait.
#include "api/format/session_json.hpp"
#include "api/routes/ended_session.hpp"
#include "api/routes/request_bodies.hpp"
#include "api/routes/routes.hpp"
#include "api/routing/parameters.hpp"
#include "sandbox/base/id.hpp"

#include <algorithm>

namespace asio = boost::asio;

namespace sandbox::api {
namespace {

using manager::Manager;
using manager::SessionView;
using manager::State;

constexpr Duration kDefaultWait = std::chrono::seconds(60), kMaxWait = std::chrono::hours(1);

Response answer_to_create(unsigned status, const SessionView& session, const std::string& token) {
    Response response = ok(session_json(session, token));
    response.status = status;
    response.headers.emplace_back("Location", "/v1/sessions/" + session.id);
    return response;
}

asio::awaitable<Response> create(Manager& manager, RouteContext context) {
    check_parameters(context.request, {"wait", "timeout"});
    const auto wanted = context.request.parameter("wait");
    const Duration timeout = seconds_parameter(context.request, "timeout", kMaxWait).value_or(kDefaultWait);
    if (wanted && *wanted != "ready")
        throw Error(Errc::invalid_argument, "a create can wait for ready alone", "Send wait=ready.", "wait");
    manager::CreateRequest request = parse_create(context.request.body, context.caller);
    request.repeat = parse_repeat(context.request, context.caller);
    const bool comes_back = request.repeat.has_value();
    const manager::Created created = co_await manager.create(std::move(request));
    const std::string id = created.session.id;
    if (created.session.end) // of an earlier create with the same key
        co_return ended_problem(error_of_end(created.session), created.session);
    if (!wanted)
        co_return answer_to_create(202, created.session, created.token);
    // Nobody would know of it. A client with a key can come back, and keeps its place in the queue.
    if (context.request.client && !comes_back)
        context.request.client->on_gone([&manager, id] { manager.client_gone(id); });
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
    check_parameters(request, {"state", "tenant", "limit", "cursor", "order"});
}

/// Sessions stand in the order of their making, or the other way round.
bool newest_first(const Request& request) {
    const std::string order = request.parameter("order").value_or("oldest");
    if (order != "oldest" && order != "newest")
        throw Error(Errc::invalid_argument, "there is no such order", "Send oldest or newest.", "order");
    return order == "newest";
}

/// Where a page ends, and the next begins.
std::string cursor_of(const SessionView& session) {
    return format_time(session.created_at) + "~" + session.id;
}

void check_cursor(const std::string& cursor) {
    const std::size_t mark = cursor.find('~');
    if (mark == std::string::npos || !is_session_id(cursor.substr(mark + 1)))
        throw Error(Errc::invalid_argument, "the cursor does not belong to this list",
                    "Send the next_cursor of the page before.", "cursor");
}

asio::awaitable<Response> list(Manager& manager, RouteContext context) {
    const Request& request = context.request;
    check_list_parameters(request);
    const auto states = states_parameter(request, "state");
    const auto tenant = request.parameter("tenant");
    const auto limit = count_parameter(request, "limit", 100000);
    const bool newest = newest_first(request);
    std::vector<SessionView> sessions = manager.list();
    std::erase_if(sessions, [&](const SessionView& session) {
        return !may_see(context.caller, session.id, session.tenant) ||
               (tenant && session.tenant != *tenant) ||
               (!states.empty() && std::ranges::find(states, session.state) == states.end()) ||
               !has_labels(session, request);
    });
    std::ranges::sort(sessions, {}, cursor_of);
    if (newest)
        std::ranges::reverse(sessions);
    if (const auto cursor = request.parameter("cursor")) {
        check_cursor(*cursor);
        std::erase_if(sessions, [&](const SessionView& session) {
            return newest ? cursor_of(session) >= *cursor : cursor_of(session) <= *cursor;
        });
    }
    std::string next;
    if (limit && sessions.size() > *limit) {
        sessions.resize(*limit);
        next = sessions.empty() ? "" : cursor_of(sessions.back());
    }
    co_return ok(sessions_json(sessions, next));
}

asio::awaitable<Response> get(Manager& manager, RouteContext context) {
    check_parameters(context.request, {});
    const SessionView session = manager.get(visible_session(context).id);
    if (session.state != State::ended)
        co_return ok(session_json(session));
    co_return gone_problem(session);
}

asio::awaitable<Response> remove(Manager& manager, RouteContext context) {
    check_parameters(context.request, {"grace_seconds"});
    const auto grace = seconds_parameter(context.request, "grace_seconds", std::chrono::minutes(10));
    const std::string id = visible_session(context).id;
    const SessionView session = co_await manager.remove(id, grace);
    co_return ok(session_json(session));
}

asio::awaitable<Response> touch(Manager& manager, RouteContext context) {
    check_parameters(context.request, {});
    co_return ok(session_json(manager.touch(visible_session(context).id)));
}

asio::awaitable<Response> extend(Manager& manager, RouteContext context) {
    check_parameters(context.request, {});
    const std::string id = visible_session(context).id;
    const Duration by = parse_extend(context.request.body);
    const SessionView session = co_await manager.extend(id, by);
    co_return ok(session_json(session));
}

asio::awaitable<Response> change(Manager& manager, RouteContext context) {
    check_parameters(context.request, {});
    const manager::FoundSession session = visible_session(context);
    if (!session.live)
        co_return gone_problem(manager.get(session.id));
    manager::SessionChange asked = parse_change(context.request.body);
    const SessionView changed = co_await manager.change(session.id, std::move(asked));
    co_return ok(session_json(changed));
}

/// 202: it is `recovering`, and ready in a moment.
asio::awaitable<Response> restart(Manager& manager, RouteContext context) {
    check_parameters(context.request, {});
    const manager::FoundSession session = visible_session(context);
    if (!session.live)
        co_return gone_problem(manager.get(session.id));
    const SessionView restarting = co_await manager.restart(session.id);
    Response response = ok(session_json(restarting));
    response.status = 202;
    co_return response;
}

asio::awaitable<Response> set_frozen(Manager& manager, RouteContext context, bool frozen) {
    check_parameters(context.request, {});
    const std::string id = visible_session(context).id;
    const SessionView session = co_await manager.set_frozen(id, frozen);
    co_return ok(session_json(session));
}

asio::awaitable<Response> freeze(Manager& manager, RouteContext context) {
    return set_frozen(manager, std::move(context), true);
}

asio::awaitable<Response> thaw(Manager& manager, RouteContext context) {
    return set_frozen(manager, std::move(context), false);
}

asio::awaitable<Response> wait(Manager& manager, RouteContext context) {
    check_parameters(context.request, {"state", "timeout"});
    std::vector<State> states = states_parameter(context.request, "state");
    if (states.empty())
        states = {State::ready, State::ended};
    const Duration timeout = seconds_parameter(context.request, "timeout", kMaxWait).value_or(kDefaultWait);
    const std::string id = visible_session(context).id;
    const SessionView session = co_await manager.wait(id, std::move(states), timeout);
    co_return ok(session_json(session));
}

} // namespace

bool may_see(const Caller& caller, const std::string& session, const std::string& tenant) {
    switch (caller.role) {
    case Role::admin:
        return true;
    case Role::tenant:
        return tenant == caller.tenant;
    case Role::session:
        return session == caller.session;
    case Role::monitor:
    case Role::anyone:
        break;
    }
    return false;
}

void find_session(const Manager& manager, RouteContext& context) {
    const auto id = context.captured.find("id");
    if (id == context.captured.end() || !is_session_id(id->second))
        return;
    std::optional<manager::FoundSession> found = manager.find(id->second);
    if (found && may_see(context.caller, found->id, found->tenant))
        context.session = std::move(found);
}

const manager::FoundSession& visible_session(const RouteContext& context) {
    // One answer for what is not there and what is another's.
    if (!context.session)
        throw Error(Errc::not_found, "there is no such session", "GET /v1/sessions lists yours.", "id");
    return *context.session;
}

void handlers::add_sessions(std::vector<Route>& routes, Manager& manager) {
    const RouteAdder add(routes, manager);
    add("POST", "/v1/sessions", Role::tenant, create, "session.create").takes_repeats = true;
    add("GET", "/v1/sessions", Role::tenant, list);
    add("GET", "/v1/sessions/{id}", Role::session, get);
    add.living("PATCH", "/v1/sessions/{id}", Role::tenant, change, "session.change");
    add.living("POST", "/v1/sessions/{id}/restart", Role::session, restart, "session.restart").takes_body =
        false;
    add("DELETE", "/v1/sessions/{id}", Role::session, remove, "session.delete");
    add("GET", "/v1/sessions/{id}/wait", Role::session, wait);
    add.living("POST", "/v1/sessions/{id}/freeze", Role::session, freeze, "session.freeze").takes_body =
        false;
    add.living("POST", "/v1/sessions/{id}/thaw", Role::session, thaw, "session.thaw").takes_body = false;
    add.living("POST", "/v1/sessions/{id}/touch", Role::session, touch, "session.touch").takes_body = false;
    add.living("POST", "/v1/sessions/{id}/extend", Role::session, extend, "session.extend");
}

} // namespace sandbox::api
