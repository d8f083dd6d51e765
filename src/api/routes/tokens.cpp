// Routes of API tokens: make, list, look at, revoke.
#include "api/format/token_json.hpp"
#include "api/routes/request_bodies.hpp"
#include "api/routes/routes.hpp"
#include "sandbox/base/id.hpp"

#include <algorithm>
#include <chrono>

namespace asio = boost::asio;

namespace sandbox::api {
namespace {

using manager::ApiToken;
using manager::Manager;

Response answer(unsigned status, std::string body) {
    return {.status = status, .content_type = "application/json", .body = std::move(body), .headers = {}};
}

manager::WallTime now() {
    return std::chrono::system_clock::now();
}

bool may_see(const Caller& caller, const ApiToken& token) {
    return caller.role == Role::admin || (!token.tenant.empty() && token.tenant == caller.tenant);
}

/// One answer for what is not there and what is another's.
ApiToken visible_token(const Manager& manager, const RouteContext& context) {
    for (ApiToken& token : manager.tokens())
        if (token.id == context.captured.at("id") && may_see(context.caller, token))
            return std::move(token);
    throw Error(Errc::not_found, "there is no such token", "GET /v1/tokens lists yours.", "id");
}

/// The tenant of a session that the caller may give away: one of his own that lives.
std::string tenant_of(const Manager& manager, const Caller& caller, const std::string& id) {
    if (is_session_id(id)) {
        const std::optional<manager::FoundSession> session = manager.find(id);
        if (session && session->live && api::may_see(caller, session->id, session->tenant))
            return session->tenant;
    }
    throw Error(Errc::invalid_argument, "no session of yours that lives has this id",
                "GET /v1/sessions lists them.", "session");
}

std::string words_of(const ApiToken& token) {
    std::string words = token.id + ", role " + std::string(to_text(token.role));
    if (!token.tenant.empty())
        words += ", tenant " + token.tenant;
    if (!token.session.empty())
        words += ", session " + token.session;
    return words;
}

asio::awaitable<Response> make(Manager& manager, RouteContext context) {
    check_parameters(context.request, {});
    manager::NewToken asked = parse_new_token(context.request.body, context.caller, now());
    if (asked.role == manager::TokenRole::session)
        asked.tenant = tenant_of(manager, context.caller, asked.session);
    const manager::MadeToken made = co_await manager.make_token(std::move(asked));
    Response response = answer(201, token_json(made.token, now(), made.secret));
    response.headers.emplace_back("Location", "/v1/tokens/" + made.token.id);
    response.audited = words_of(made.token) + ", until " + format_time(made.token.expires_at);
    co_return response;
}

asio::awaitable<Response> list(Manager& manager, RouteContext context) {
    check_parameters(context.request, {"tenant"});
    const auto tenant = context.request.parameter("tenant");
    std::vector<ApiToken> tokens = manager.tokens();
    std::erase_if(tokens, [&](const ApiToken& token) {
        return !may_see(context.caller, token) || (tenant && token.tenant != *tenant);
    });
    co_return answer(200, tokens_json(tokens, now()));
}

asio::awaitable<Response> get(Manager& manager, RouteContext context) {
    check_parameters(context.request, {});
    co_return answer(200, token_json(visible_token(manager, context), now()));
}

asio::awaitable<Response> revoke(Manager& manager, RouteContext context) {
    check_parameters(context.request, {});
    const std::string id = visible_token(manager, context).id;
    const ApiToken token = co_await manager.revoke_token(id);
    Response response = answer(200, token_json(token, now()));
    response.audited = words_of(token);
    co_return response;
}

} // namespace

void handlers::add_tokens(std::vector<Route>& routes, Manager& manager) {
    const RouteAdder add(routes, manager);
    add("POST", "/v1/tokens", Role::tenant, make, "token.make");
    add("GET", "/v1/tokens", Role::tenant, list);
    add("GET", "/v1/tokens/{id}", Role::tenant, get);
    add("DELETE", "/v1/tokens/{id}", Role::tenant, revoke, "token.revoke");
}

} // namespace sandbox::api
