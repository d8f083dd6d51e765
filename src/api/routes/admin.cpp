// Routes of the operation of this program itself.
#include "api/routes/request_bodies.hpp"
#include "api/routes/routes.hpp"
#include "api/routing/parameters.hpp"

#include <nlohmann/json.hpp>

namespace asio = boost::asio;

namespace sandbox::api {
namespace {

using manager::Manager;
using Json = nlohmann::ordered_json;

constexpr Duration kMaxDrainWait = std::chrono::hours(1);

Response answer(unsigned status, const Json& document) {
    return {.status = status, .content_type = "application/json", .body = document.dump(), .headers = {}};
}

/// The next manager takes the sessions over once this one has answered what is in flight.
asio::awaitable<Response> handover(Manager& manager, RouteContext context) {
    check_parameters(context.request, {});
    manager.leave();
    co_return answer(202, {{"status", "leaving"}});
}

Json names_json(const manager::Reloaded::Names& names) {
    return {{"added", names.added}, {"changed", names.changed}, {"removed", names.removed}};
}

/// The answer says what is in force now, or all that is wrong, and then nothing is.
asio::awaitable<Response> reload(Manager& manager, RouteContext context) {
    check_parameters(context.request, {});
    const manager::Reloaded done = co_await manager.reload();
    co_return answer(
        200, {{"policies", names_json(done.policies)},
              {"tenants", names_json(done.tenants)},
              {"settings", {{"applied", done.settings.applied}, {"need_restart", done.settings.restart}}}});
}

/// Takes no new sessions, or takes them again; and where a timeout is given, waits for the old ones to end.
asio::awaitable<Response> drain(Manager& manager, RouteContext context) {
    check_parameters(context.request, {"timeout"});
    const Duration timeout =
        seconds_parameter(context.request, "timeout", kMaxDrainWait).value_or(Duration::zero());
    const bool undo = parse_flag(context.request.body, "undo");
    manager.drain(!undo);
    const std::size_t live = co_await manager.until_empty(undo ? Duration::zero() : timeout);
    co_return answer(200, {{"draining", manager.is_draining()}, {"sessions", live}});
}

asio::awaitable<Response> backup(Manager& manager, RouteContext context) {
    check_parameters(context.request, {});
    manager::Backup made = co_await manager.backup();
    Response response{.status = 200, .content_type = "application/x-tar", .body = {}, .headers = {}};
    const std::uint64_t size = made.size;
    response.file = std::make_shared<const FileBody>(FileBody{.fd = std::move(made.file), .size = size});
    co_return response;
}

asio::awaitable<Response> gc(Manager& manager, RouteContext context) {
    check_parameters(context.request, {});
    const bool dry_run = parse_flag(context.request.body, "dry_run");
    const std::vector<manager::Leftover> found = co_await manager.collect_garbage(dry_run);
    Json list = Json::array();
    for (const manager::Leftover& one : found)
        list.push_back({{"kind", one.kind}, {"name", one.name}});
    co_return answer(200, {{"dry_run", dry_run}, {"found", std::move(list)}});
}

} // namespace

void handlers::add_admin(std::vector<Route>& routes, Manager& manager) {
    const RouteAdder add(routes, manager);
    add("POST", "/v1/admin/handover", Role::admin, handover, "admin.handover").takes_body = false;
    add("POST", "/v1/admin/drain", Role::admin, drain, "admin.drain");
    add("POST", "/v1/admin/backup", Role::admin, backup, "admin.backup").takes_body = false;
    add("POST", "/v1/admin/gc", Role::admin, gc, "admin.gc");
    add("POST", "/v1/admin/reload", Role::admin, reload, "admin.reload").takes_body = false;
}

} // namespace sandbox::api
