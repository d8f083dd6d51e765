// Routes of what the site has: policies, tenants, health, version.
#include "sandbox/api/handlers.hpp"
#include "sandbox/api/session_json.hpp"
#include "sandbox/base/error.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace asio = boost::asio;

namespace sandbox::api {
namespace {

using manager::Manager;

Response ok(std::string body) {
    return {.status = 200, .content_type = "application/json", .body = std::move(body), .headers = {}};
}

/// A tenant sees the policies that it may use.
std::vector<policy::Policy> visible_policies(const Manager& manager, const Caller& caller) {
    std::vector<policy::Policy> policies = manager.policies();
    if (caller.role == Role::admin)
        return policies;
    std::vector<std::string> allowed;
    for (const policy::Tenant& tenant : manager.tenants())
        if (tenant.name == caller.tenant)
            allowed = tenant.policies;
    std::erase_if(policies, [&](const policy::Policy& policy) {
        return std::ranges::find(allowed, policy.name) == allowed.end();
    });
    return policies;
}

asio::awaitable<Response> list_policies(Manager& manager, Exchange exchange) {
    check_parameters(exchange.request, {});
    co_return ok(policies_json(visible_policies(manager, exchange.caller)));
}

asio::awaitable<Response> get_policy(Manager& manager, Exchange exchange) {
    check_parameters(exchange.request, {});
    for (const policy::Policy& policy : visible_policies(manager, exchange.caller))
        if (policy.name == exchange.captured.at("name"))
            co_return ok(policy_json(policy));
    throw Error(Errc::not_found, "there is no such policy", "GET /v1/policies lists yours.", "name");
}

asio::awaitable<Response> list_tenants(Manager& manager, Exchange exchange) {
    check_parameters(exchange.request, {});
    co_return ok(tenants_json(manager.tenants()));
}

asio::awaitable<Response> get_tenant(Manager& manager, Exchange exchange) {
    check_parameters(exchange.request, {});
    for (const policy::Tenant& tenant : manager.tenants())
        if (tenant.name == exchange.captured.at("name"))
            co_return ok(tenant_json(tenant));
    throw Error(Errc::not_found, "there is no such tenant", "GET /v1/tenants lists them.", "name");
}

asio::awaitable<Response> healthz(Manager&, Exchange) {
    co_return ok(R"({"status":"ok"})");
}

asio::awaitable<Response> readyz(Manager& manager, Exchange) {
    if (manager.launcher_connected())
        co_return ok(R"({"status":"ready"})");
    throw Error(Errc::unavailable, "the launcher is not connected", "Look at the log of sandbox-launcher.");
}

asio::awaitable<Response> version_answer(std::string version) {
    const nlohmann::ordered_json document{{"name", "chimerax-sandbox"}, {"version", version}};
    co_return ok(document.dump());
}

} // namespace

void handlers::add_catalog(std::vector<Route>& routes, Manager& manager, const std::string& version) {
    const auto add = [&](const char* pattern, Role minimum,
                         asio::awaitable<Response> (*handler)(Manager&, Exchange)) {
        routes.push_back({.method = "GET",
                          .pattern = pattern,
                          .minimum = minimum,
                          .max_body = kMaxJsonBody,
                          .handler = [&manager, handler](Exchange exchange) {
                              return handler(manager, std::move(exchange));
                          }});
    };
    add("/v1/policies", Role::tenant, list_policies);
    add("/v1/policies/{name}", Role::tenant, get_policy);
    add("/v1/tenants", Role::admin, list_tenants);
    add("/v1/tenants/{name}", Role::admin, get_tenant);
    add("/healthz", Role::anyone, healthz);
    add("/readyz", Role::anyone, readyz);
    routes.push_back({.method = "GET",
                      .pattern = "/version",
                      .minimum = Role::anyone,
                      .max_body = kMaxJsonBody,
                      .handler = [version](const Exchange&) { return version_answer(version); }});
}

Router make_router(Manager& manager, const std::string& version) {
    std::vector<Route> routes;
    handlers::add_sessions(routes, manager);
    handlers::add_engine(routes, manager);
    handlers::add_files(routes, manager);
    handlers::add_catalog(routes, manager, version);
    return Router(std::move(routes));
}

} // namespace sandbox::api
