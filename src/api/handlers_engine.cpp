// Routes that reach into a session: commands, raw REST, logs, statistics, what the launcher sees of it.
#include "sandbox/api/handlers.hpp"
#include "sandbox/api/log_text.hpp"
#include "sandbox/api/problem.hpp"
#include "sandbox/api/requests.hpp"
#include "sandbox/api/session_json.hpp"
#include "sandbox/chimerax/command_result.hpp"

#include <algorithm>
#include <chrono>

#include <nlohmann/json.hpp>

namespace asio = boost::asio;

namespace sandbox::api {
namespace {

using manager::Manager;
using manager::SessionView;
using Json = nlohmann::ordered_json;

constexpr std::uint64_t kDefaultTail = 64 * 1024, kMaxTail = 16 * 1024 * 1024;

Response ok(std::string body, std::string content_type = "application/json") {
    return {.status = 200, .content_type = std::move(content_type), .body = std::move(body), .headers = {}};
}

Json array_of(const std::vector<std::string>& texts) {
    Json array = Json::array();
    for (const std::string& text : texts)
        array.push_back(text);
    return array;
}

/// ChimeraX's values are texts that hold JSON; the caller gets the JSON.
Json values_of(const chimerax::CommandResult& result) {
    Json values = Json::array();
    for (const std::string& text : result.values) {
        Json value = Json::parse(text, nullptr, false);
        values.push_back(value.is_discarded() ? Json(text) : std::move(value));
    }
    return values;
}

std::string command_json(const chimerax::CommandResult& result, double seconds) {
    const Json document{{"ok", result.ok()},
                        {"values", values_of(result)},
                        {"log",
                         {{"note", array_of(result.note)},
                          {"warning", array_of(result.warning)},
                          {"error", array_of(result.error_log)},
                          {"bug", array_of(result.bug)}}},
                        {"error", result.error
                                      ? Json{{"type", result.error->type}, {"message", result.error->message}}
                                      : Json(nullptr)},
                        {"duration_seconds", seconds}};
    return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// For routes that need a living session: an ended one is 410 with its end.
std::optional<Response> gone(const SessionView& session) {
    if (session.state != manager::State::ended)
        return std::nullopt;
    return ended_problem(Error(Errc::gone, "session " + session.id + " has ended", "Make a new session."),
                         session);
}

asio::awaitable<Response> commands(Manager& manager, Exchange exchange) {
    check_parameters(exchange.request, {});
    const SessionView session = visible_session(manager, exchange);
    if (auto answer = gone(session))
        co_return std::move(*answer);
    const CommandRequest asked = parse_commands(exchange.request.body);
    chimerax::RestRequest request;
    request.target = chimerax::run_target(asked.commands);
    if (request.target.size() > kMaxTarget) {
        throw Error(Errc::too_large, "the commands are over 65,536 bytes once they are encoded",
                    "Send them in several requests, or as a script.", "commands");
    }
    const Duration timeout = asked.timeout.value_or(rest_timeout(manager, session.policy));
    const auto started = std::chrono::steady_clock::now();
    const chimerax::RestReply reply = co_await manager.rest(session.id, std::move(request), timeout);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started;
    if (reply.status != 200) {
        throw Error(Errc::engine,
                    "ChimeraX answered the commands with status " + std::to_string(reply.status));
    }
    co_return ok(command_json(chimerax::parse_command_result(reply.body), taken.count()));
}

asio::awaitable<Response> rest_run(Manager& manager, Exchange exchange) {
    const SessionView session = visible_session(manager, exchange);
    if (auto answer = gone(session))
        co_return std::move(*answer);
    std::string path = exchange.request.path.ends_with("/cmdline.html") ? "/cmdline.html" : "/run";
    co_return co_await forward_rest(manager, session.id, std::move(path), std::move(exchange.request));
}

asio::awaitable<Response> stats(Manager& manager, Exchange exchange) {
    check_parameters(exchange.request, {});
    const SessionView session = visible_session(manager, exchange);
    if (auto answer = gone(session))
        co_return std::move(*answer);
    co_return ok(stats_json(session));
}

asio::awaitable<Response> logs(Manager& manager, Exchange exchange) {
    check_parameters(exchange.request, {"stream", "tail"});
    const std::string stream = exchange.request.parameter("stream").value_or("stdout");
    if (stream != "stdout" && stream != "stderr") {
        throw Error(Errc::invalid_argument, "there is no such stream", "The streams are stdout and stderr.",
                    "stream");
    }
    const auto tail = count_parameter(exchange.request, "tail", kMaxTail).value_or(kDefaultTail);
    const SessionView session = visible_session(manager, exchange);
    co_return ok(escape_log(manager.read_log(session.id, stream, tail)), "text/plain; charset=utf-8");
}

asio::awaitable<Response> inspect(Manager& manager, Exchange exchange) {
    check_parameters(exchange.request, {});
    const SessionView session = visible_session(manager, exchange);
    if (auto answer = gone(session))
        co_return std::move(*answer);
    co_return ok(co_await manager.inspect(session.id));
}

} // namespace

Duration rest_timeout(const Manager& manager, const std::string& policy_name) {
    constexpr Duration kElse = std::chrono::minutes(10);
    for (const policy::Policy& policy : manager.policies())
        if (policy.name == policy_name && policy.chimerax.command_timeout > Duration::zero())
            return policy.chimerax.command_timeout;
    return kElse;
}

asio::awaitable<Response> forward_rest(Manager& manager, std::string session, std::string path,
                                       Request request) {
    chimerax::RestRequest forward;
    forward.method = request.method;
    forward.target = path + std::string(request.raw_query());
    forward.content_type = request.header("content-type").value_or("");
    forward.body = std::move(request.body);
    const Duration timeout = rest_timeout(manager, manager.get(session).policy);
    chimerax::RestReply reply = co_await manager.rest(session, std::move(forward), timeout);
    Response response;
    // A hostile engine's status is no more than a number: 1xx would not end the answer.
    response.status = reply.status >= 200 && reply.status <= 599 ? reply.status : 502;
    response.content_type =
        reply.content_type.empty() ? "application/octet-stream" : std::move(reply.content_type);
    response.body = std::move(reply.body);
    // Whatever a page of the engine holds runs no script in the name of this server.
    response.headers.emplace_back("Content-Security-Policy", "sandbox");
    co_return response;
}

void handlers::add_engine(std::vector<Route>& routes, Manager& manager) {
    const auto add = [&](const char* method, const char* pattern, std::size_t max_body,
                         asio::awaitable<Response> (*handler)(Manager&, Exchange)) {
        routes.push_back({.method = method,
                          .pattern = pattern,
                          .minimum = Role::session,
                          .max_body = max_body,
                          .handler = [&manager, handler](Exchange exchange) {
                              return handler(manager, std::move(exchange));
                          }});
    };
    add("POST", "/v1/sessions/{id}/commands", kMaxJsonBody, commands);
    for (const char* pattern : {"/v1/sessions/{id}/rest/run", "/v1/sessions/{id}/rest/cmdline.html"}) {
        add("GET", pattern, kMaxRestBody, rest_run);
        add("POST", pattern, kMaxRestBody, rest_run);
    }
    add("GET", "/v1/sessions/{id}/stats", kMaxJsonBody, stats);
    add("GET", "/v1/sessions/{id}/logs", kMaxJsonBody, logs);
    add("GET", "/v1/sessions/{id}/inspect", kMaxJsonBody, inspect);
}

} // namespace sandbox::api
