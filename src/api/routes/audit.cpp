#include "api/routes/audit.hpp"

#include "api/routes/request_bodies.hpp"
#include "api/routes/routes.hpp"
#include "sandbox/base/id.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>
#include <vector>

namespace asio = boost::asio;

namespace sandbox::api {
namespace {

using manager::AuditEntry;
using manager::Manager;

constexpr std::size_t kMostDetail = 1024;

/// The session that it was about: of the path, or the one that it made.
std::string session_of(const RouteContext& context, const Response& response) {
    const auto captured = context.captured.find("id");
    const auto location = std::ranges::find(response.headers, "Location", &Fields::value_type::first);
    std::string id;
    if (captured != context.captured.end())
        id = captured->second;
    else if (location != response.headers.end())
        id = location->second.substr(location->second.rfind('/') + 1);
    return is_session_id(id) ? id : std::string(); // other things have ids too
}

/// Of the session of the path, or of the one that it made; else the caller's own.
std::string tenant_of(const Manager& manager, const RouteContext& context, const std::string& session) {
    if (context.session)
        return context.session->tenant;
    const std::optional<manager::FoundSession> found = manager.find(session);
    return found ? found->tenant : context.caller.tenant;
}

/// The commands of a raw request to ChimeraX. Nothing of it is left out, whatever ChimeraX makes of it: what
/// is no command has its name before it, and a body is one, as it came.
std::vector<std::string> raw_commands(const Request& request) {
    std::vector<std::string> commands;
    for (const auto& [name, value] : request.query) {
        if (name == "command")
            commands.push_back(value);
        else
            commands.push_back(name + "=" + value);
    }
    return commands;
}

/// What the trail may have of the commands in it. Of a session that the caller may not see, nothing. A body
/// is read here, and not again by its handler.
void note_commands(const Manager& manager, RouteContext& context, AuditEntry& entry) {
    if (!context.session)
        return;
    std::vector<std::string_view> views;
    std::vector<std::string> raw;
    if (entry.action == "command") {
        try {
            context.commands = std::make_shared<const CommandRequest>(parse_commands(context.request.body));
        } catch (const Error&) { // which the handler answers with
            return;
        }
        views.assign(context.commands->commands.begin(), context.commands->commands.end());
    } else {
        raw = raw_commands(context.request);
        views.assign(raw.begin(), raw.end());
        if (!context.request.body.empty())
            views.emplace_back(context.request.body);
    }
    manager.put_commands(entry, *context.session, views);
}

} // namespace

std::string actor_text(const Caller& caller, const Peer& peer, bool by_token) {
    const std::string how = by_token     ? " token" + (caller.token.empty() ? "" : " " + caller.token)
                            : peer.local ? " uid " + std::to_string(peer.uid)
                                         : "";
    switch (caller.role) {
    case Role::admin:
        return "admin" + how;
    case Role::tenant:
        return "tenant " + caller.tenant + how;
    case Role::session:
        return "session " + caller.session + (caller.token.empty() ? "" : how);
    case Role::monitor:
        return "monitor" + how;
    case Role::anyone:
        break;
    }
    return "anyone" + how;
}

asio::awaitable<Response> answer_audited(Manager& manager, const Route& route, RouteContext context,
                                         std::string actor) {
    const auto started = std::chrono::steady_clock::now();
    AuditEntry entry;
    entry.action = route.action;
    entry.actor = std::move(actor);
    entry.request_id = context.request.id;
    const bool is_command = entry.action == "command" || entry.action == "rest";
    if (is_command)
        note_commands(manager, context, entry);
    const RouteContext known{
        .request = {}, .caller = context.caller, .captured = context.captured, .session = context.session};
    const auto write = [&](unsigned status, const Response& response) {
        entry.at = std::chrono::system_clock::now();
        entry.session = session_of(known, response);
        entry.tenant = tenant_of(manager, known, entry.session);
        entry.outcome = std::to_string(status);
        entry.took =
            std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
        manager.audit(entry);
    };
    try {
        Response response = co_await route.handler(std::move(context));
        entry.detail = response.audited;
        write(response.status, response);
        // Who is told that it was done finds it in the trail, whatever happens to this program. Of commands,
        // of which there may be many a second, nobody waits for that.
        if (!is_command)
            co_await manager.audited();
        co_return response;
    } catch (const Error& error) {
        entry.detail = std::string(error.what()).substr(0, kMostDetail);
        write(static_cast<unsigned>(errc_info(error.code()).http_status), {});
        throw;
    }
}

void audit_refusal(Manager& manager, const Request& request, const Peer& peer, const Error& error) {
    AuditEntry entry;
    entry.at = std::chrono::system_clock::now();
    entry.action = error.code() == Errc::unauthenticated ? "authentication" : "authorization";
    entry.actor = peer.local ? "uid " + std::to_string(peer.uid) : "tcp";
    entry.request_id = request.id;
    entry.outcome = std::to_string(errc_info(error.code()).http_status);
    entry.detail = (request.method + " " + request.path + ": " + error.what()).substr(0, kMostDetail);
    manager.audit(entry);
}

} // namespace sandbox::api
