// The route of commands: one or several, each a request of its own to ChimeraX.
#include "api/format/command_json.hpp"
#include "api/routes/ended_session.hpp"
#include "api/routes/request_bodies.hpp"
#include "api/routes/routes.hpp"

#include <chrono>
#include <utility>

namespace asio = boost::asio;

namespace sandbox::api {
namespace {

using manager::Manager;

/// ChimeraX takes no longer target. Looked at before the first is sent.
void check_lengths(const std::vector<std::string>& commands) {
    for (std::size_t i = 0; i < commands.size(); ++i) {
        if (chimerax::run_target({commands[i]}).size() > kMaxTarget) {
            throw Error(Errc::too_large, "the command is over 65,536 bytes once it is encoded",
                        "Upload it as a script, and open that.",
                        commands.size() == 1 ? "command" : "commands." + std::to_string(i));
        }
    }
}

asio::awaitable<Response> commands(Manager& manager, RouteContext context) {
    check_parameters(context.request, {});
    const manager::FoundSession session = visible_session(context);
    if (!session.live)
        co_return gone_problem(manager.get(session.id));
    const CommandRequest asked = context.commands ? *context.commands : parse_commands(context.request.body);
    check_lengths(asked.commands);
    manager::InUse in_use = manager.use(session); // until the last byte of the answer
    manager::CommandList list;
    list.commands = asked.commands;
    list.timeout = asked.timeout.value_or(in_use.request_timeout);
    list.goes_on = [client = context.request.client] {
        return !client || (!client->is_gone() && client->is_allowed());
    };
    const auto started = std::chrono::steady_clock::now();
    const manager::CommandsRun run = co_await manager.run(session, std::move(list));
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started;
    if (run.lost)
        co_return lost_problem(asked.commands, run);
    Response response = ok(command_json(asked.commands, run, taken.count()));
    response.until_sent = std::move(in_use.hold);
    co_return response;
}

} // namespace

void handlers::add_commands(std::vector<Route>& routes, Manager& manager) {
    const RouteAdder add(routes, manager);
    add.living("POST", "/v1/sessions/{id}/commands", Role::session, commands, "command");
}

} // namespace sandbox::api
