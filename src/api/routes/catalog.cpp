// Routes of what the site has: policies, tenants, room for more, health, version.
#include "api/format/pressure_json.hpp"
#include "api/format/session_json.hpp"
#include "api/routes/routes.hpp"
#include "api/routing/parameters.hpp"
#include "embedded_openapi.hpp"
#include "sandbox/base/error.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace asio = boost::asio;

namespace sandbox::api {
namespace {

using manager::Manager;

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

asio::awaitable<Response> list_policies(Manager& manager, RouteContext context) {
    check_parameters(context.request, {});
    co_return ok(policies_json(visible_policies(manager, context.caller)));
}

asio::awaitable<Response> get_policy(Manager& manager, RouteContext context) {
    check_parameters(context.request, {});
    for (const policy::Policy& policy : visible_policies(manager, context.caller))
        if (policy.name == context.captured.at("name"))
            co_return ok(policy_json(policy));
    throw Error(Errc::not_found, "there is no such policy", "GET /v1/policies lists yours.", "name");
}

/// How much of what it may have a tenant has.
nlohmann::ordered_json quota_object(const policy::Tenant& tenant,
                                    const std::vector<manager::SessionView>& sessions) {
    std::uint64_t count = 0, queued = 0, memory = 0;
    for (const manager::SessionView& session : sessions) {
        if (session.tenant != tenant.name || session.state == manager::State::ended)
            continue;
        ++count;
        queued += session.state == manager::State::queued ? 1 : 0;
        memory += session.enforced.memory_max.value_or(Bytes{}).value;
    }
    nlohmann::ordered_json object{
        {"tenant", tenant.name},
        {"sessions", {{"live", count}, {"queued", queued}, {"max", tenant.max_sessions}}},
        {"memory", {{"promised_bytes", memory}, {"max_bytes", nullptr}}}};
    if (tenant.memory_max)
        object["memory"]["max_bytes"] = tenant.memory_max->value;
    return object;
}

/// What the caller's credentials make of it.
asio::awaitable<Response> whoami(Manager&, RouteContext context) {
    check_parameters(context.request, {});
    const Caller& caller = context.caller;
    nlohmann::ordered_json document{{"role", to_text(caller.role)}};
    if (!caller.tenant.empty())
        document["tenant"] = caller.tenant;
    if (!caller.session.empty())
        document["session"] = caller.session;
    co_return ok(document.dump());
}

/// A tenant's own; of an admin all.
asio::awaitable<Response> quota(Manager& manager, RouteContext context) {
    check_parameters(context.request, {"tenant"});
    const std::string wanted = context.caller.role == Role::admin
                                   ? context.request.parameter("tenant").value_or("")
                                   : context.caller.tenant;
    const std::vector<manager::SessionView> sessions = manager.list();
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const policy::Tenant& tenant : manager.tenants())
        if (wanted.empty() || tenant.name == wanted)
            list.push_back(quota_object(tenant, sessions));
    if (!wanted.empty() && list.empty())
        throw Error(Errc::not_found, "there is no such tenant", "GET /v1/tenants lists them.", "tenant");
    const nlohmann::ordered_json document{{"quotas", std::move(list)}};
    co_return ok(document.dump());
}

/// A tenant sees what concerns it; an admin all.
asio::awaitable<Response> audit(Manager& manager, RouteContext context) {
    const Request& request = context.request;
    check_parameters(request, {"session", "tenant", "since", "until", "limit"});
    manager::AuditQuery query;
    query.session = request.parameter("session").value_or("");
    query.tenant = request.parameter("tenant").value_or("");
    if (context.caller.role != Role::admin) {
        if (!query.tenant.empty() && query.tenant != context.caller.tenant)
            throw Error(Errc::denied, "another tenant's audit trail is not yours to read",
                        "Leave the tenant out.", "tenant");
        query.tenant = context.caller.tenant;
    }
    query.since = time_parameter(request, "since");
    query.until = time_parameter(request, "until");
    query.limit = count_parameter(request, "limit", 1000).value_or(100);
    const manager::AuditFound found = co_await manager.search_audit(std::move(query));
    std::string body = R"({"entries":[)"; // each line is an object already
    for (const std::string& line : found.lines)
        body += (&line == &found.lines.front() ? "" : ",") + line;
    co_return ok(body + R"(],"truncated":)" + (found.truncated ? "true}" : "false}"));
}

asio::awaitable<Response> openapi(Manager&, RouteContext) {
    co_return ok(std::string(embedded::kOpenApi));
}

asio::awaitable<Response> list_tenants(Manager& manager, RouteContext context) {
    check_parameters(context.request, {});
    co_return ok(tenants_json(manager.tenants()));
}

asio::awaitable<Response> get_tenant(Manager& manager, RouteContext context) {
    check_parameters(context.request, {});
    for (const policy::Tenant& tenant : manager.tenants())
        if (tenant.name == context.captured.at("name"))
            co_return ok(tenant_json(tenant));
    throw Error(Errc::not_found, "there is no such tenant", "GET /v1/tenants lists them.", "name");
}

/// With names as of the metrics; GB as of decimal prefixes.
void put_usage(nlohmann::ordered_json& object, const manager::DayUsage& usage) {
    object["sessions"] = usage.sessions;
    object["session_hours"] = usage.session_seconds / 3600;
    object["cpu_seconds"] = std::chrono::duration<double>(usage.cpu).count();
    object["memory_gb_hours"] = nullptr;
    if (usage.memory_byte_seconds)
        object["memory_gb_hours"] = *usage.memory_byte_seconds / 1e9 / 3600;
}

bool is_known(Manager& manager, const std::string& tenant) {
    const std::vector<policy::Tenant> tenants = manager.tenants();
    return std::ranges::find(tenants, tenant, &policy::Tenant::name) != tenants.end();
}

/// A tenant's own, of an admin anyone's: of one that is gone too, as long as there is something of it.
asio::awaitable<Response> usage(Manager& manager, RouteContext context) {
    check_parameters(context.request, {"since", "until"});
    const std::string& tenant = context.captured.at("name");
    const auto now = std::chrono::system_clock::now();
    std::string since = day_parameter(context.request, "since"),
                until = day_parameter(context.request, "until");
    if (since.empty())
        since = format_time(now - std::chrono::days(29)).substr(0, 10);
    if (until.empty())
        until = format_time(now).substr(0, 10);
    const Error unknown(Errc::not_found, "there is no such tenant", "GET /v1/whoami tells yours.", "name");
    if (context.caller.role != Role::admin && context.caller.tenant != tenant)
        throw unknown;
    const std::vector<manager::DayUsage> days = manager.usage(tenant, since, until);
    if (days.empty() && !is_known(manager, tenant))
        throw unknown;
    nlohmann::ordered_json document{{"tenant", tenant}, {"since", since}, {"until", until}};
    manager::DayUsage total;
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const manager::DayUsage& day : days) {
        put_usage(list.emplace_back(nlohmann::ordered_json{{"day", day.day}}), day);
        total.sessions += day.sessions;
        total.session_seconds += day.session_seconds;
        total.cpu += day.cpu;
        if (day.memory_byte_seconds)
            total.memory_byte_seconds = total.memory_byte_seconds.value_or(0) + *day.memory_byte_seconds;
    }
    document["days"] = std::move(list);
    put_usage(document["total"], total);
    co_return ok(document.dump());
}

/// `started_at` tells one manager from the next.
asio::awaitable<Response> healthz(Manager&, RouteContext) {
    static const std::string started_at = format_time(std::chrono::system_clock::now());
    const nlohmann::ordered_json document{{"status", "ok"}, {"started_at", started_at}};
    co_return ok(document.dump());
}

asio::awaitable<Response> readyz(Manager& manager, RouteContext) {
    if (manager.is_draining())
        throw Error(Errc::unavailable, "the host takes no new sessions: it is being drained",
                    "`sandboxctl admin drain --undo` takes them again.")
            .with({std::chrono::seconds(30), "draining"});
    if (manager.launcher_connected())
        co_return ok(R"({"status":"ready"})");
    throw Error(Errc::unavailable, "the launcher is not connected", "Look at the log of sandbox-launcher.");
}

/// For load balancers: 503 while no create would be admitted or queued.
asio::awaitable<Response> pressure(Manager& manager, RouteContext context) {
    check_parameters(context.request, {});
    const manager::PressureView view = manager.pressure();
    Response response = ok(pressure_json(view));
    if (view.refuses) {
        response.status = 503;
        response.headers.emplace_back("Retry-After", std::to_string(view.refuses->after.count()));
    }
    co_return response;
}

asio::awaitable<Response> version_answer(std::string version) {
    const nlohmann::ordered_json document{{"name", "chimerax-sandbox"}, {"version", version}};
    co_return ok(document.dump());
}

} // namespace

void handlers::add_catalog(std::vector<Route>& routes, Manager& manager, const std::string& version) {
    const RouteAdder add(routes, manager);
    add("GET", "/v1/whoami", Role::session, whoami);
    add("GET", "/v1/policies", Role::tenant, list_policies);
    add("GET", "/v1/policies/{name}", Role::tenant, get_policy);
    add("GET", "/v1/tenants", Role::admin, list_tenants);
    add("GET", "/v1/tenants/{name}", Role::admin, get_tenant);
    add("GET", "/v1/tenants/{name}/usage", Role::tenant, usage);
    add("GET", "/v1/pressure", Role::tenant, pressure).for_monitors = true;
    add("GET", "/v1/quota", Role::tenant, quota);
    add("GET", "/v1/audit", Role::tenant, audit);
    add("GET", "/v1/openapi.json", Role::anyone, openapi);
    add("GET", "/healthz", Role::anyone, healthz);
    add("GET", "/readyz", Role::anyone, readyz);
    routes.push_back({.method = "GET",
                      .pattern = "/version",
                      .minimum = Role::anyone,
                      .max_body = kMaxJsonBody,
                      .handler = [version](const RouteContext&) { return version_answer(version); }});
}

Router make_router(Manager& manager, const std::string& version, const HttpMetrics& http) {
    std::vector<Route> routes;
    handlers::add_sessions(routes, manager);
    handlers::add_commands(routes, manager);
    handlers::add_engine(routes, manager);
    handlers::add_logs(routes, manager);
    handlers::add_files(routes, manager);
    handlers::add_events(routes, manager);
    handlers::add_admin(routes, manager);
    handlers::add_tokens(routes, manager);
    handlers::add_catalog(routes, manager, version);
    handlers::add_dashboard(routes);
    handlers::add_metrics(routes, manager, http, version);
    return Router(std::move(routes));
}

} // namespace sandbox::api
