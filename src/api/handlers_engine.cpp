// Routes that reach into a session: commands, raw REST, logs, statistics, what the launcher sees of it.
#include "sandbox/api/handlers.hpp"
#include "sandbox/api/log_text.hpp"
#include "sandbox/api/problem.hpp"
#include "sandbox/api/requests.hpp"
#include "sandbox/api/session_json.hpp"
#include "sandbox/api/stats_json.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/chimerax/command_result.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace asio = boost::asio;

namespace sandbox::api {
namespace {

using manager::Manager;
using manager::SessionView;
using Json = nlohmann::ordered_json;

constexpr std::uint64_t kDefaultTail = 64 * 1024, kMaxTail = 16 * 1024 * 1024;

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

/// Where a stream that looks again and again stands.
struct Ticker {
    explicit Ticker(const asio::any_io_executor& executor) : timer(executor) {}
    asio::steady_timer timer;
    std::string first; ///< sent before anything new
    bool over = false;

    asio::awaitable<void> wait(Duration pause) {
        timer.expires_after(pause);
        co_await timer.async_wait(asio::use_awaitable);
    }
};

/// For routes that need a living session: an ended one is 410 with its end.
std::optional<Response> gone(const SessionView& session) {
    if (session.state != manager::State::ended)
        return std::nullopt;
    return gone_problem(session);
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
    manager::InUse in_use = manager.use(session.id); // until the last byte of the answer
    const auto started = std::chrono::steady_clock::now();
    const chimerax::RestReply reply = co_await manager.rest(session.id, std::move(request), timeout);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started;
    if (reply.status != 200) {
        throw Error(Errc::engine,
                    "ChimeraX answered the commands with status " + std::to_string(reply.status));
    }
    Response response = ok(command_json(chimerax::parse_command_result(reply.body), taken.count()));
    response.until_sent = std::move(in_use.hold);
    co_return response;
}

asio::awaitable<Response> rest_run(Manager& manager, Exchange exchange) {
    const SessionView session = visible_session(manager, exchange);
    if (auto answer = gone(session))
        co_return std::move(*answer);
    std::string path = exchange.request.path.ends_with("/cmdline.html") ? "/cmdline.html" : "/run";
    co_return co_await forward_rest(manager, session.id, std::move(path), std::move(exchange.request));
}

/// A server-sent event each second, until the session has ended.
asio::awaitable<std::optional<std::string>> next_stats(Manager& manager, std::string id,
                                                       std::shared_ptr<Ticker> ticker) {
    if (ticker->over || manager.is_leaving())
        co_return std::nullopt;
    co_await ticker->wait(std::chrono::seconds(1));
    const SessionView session = manager.get(id);
    ticker->over = session.state == manager::State::ended;
    const manager::Stats stats = ticker->over ? manager::Stats{} : manager.stats(id, false);
    co_return "event: stats\ndata: " + stats_json(session, stats, false) + "\n\n";
}

asio::awaitable<Response> stats(Manager& manager, Exchange exchange) {
    check_parameters(exchange.request, {"history", "follow"});
    const bool with_history = flag_parameter(exchange.request, "history");
    const SessionView session = visible_session(manager, exchange);
    if (auto answer = gone(session))
        co_return std::move(*answer);
    if (!flag_parameter(exchange.request, "follow"))
        co_return ok(stats_json(session, manager.stats(session.id, with_history), with_history));
    Response response = ok("", "text/event-stream");
    const auto ticker = std::make_shared<Ticker>(co_await asio::this_coro::executor);
    response.stream = [&manager, id = session.id, ticker] { return next_stats(manager, id, ticker); };
    co_return response;
}

/// What is new, or an empty piece, after which the connection is looked at. sandbox-init writes to a file:
/// nobody tells of it.
asio::awaitable<std::optional<std::string>>
next_lines(Manager& manager, std::string id, Manager::LogTail tail, std::shared_ptr<Ticker> ticker) {
    if (!ticker->first.empty())
        co_return std::exchange(ticker->first, {});
    if (ticker->over || manager.is_leaving())
        co_return std::nullopt;
    co_await ticker->wait(std::chrono::milliseconds(200));
    ticker->over = manager.get(id).state == manager::State::ended; // before the last look
    co_return escape_log(tail());
}

asio::awaitable<Response> logs(Manager& manager, Exchange exchange) {
    check_parameters(exchange.request, {"stream", "tail", "follow"});
    const std::string stream = exchange.request.parameter("stream").value_or("stdout");
    if (stream != "stdout" && stream != "stderr") {
        throw Error(Errc::invalid_argument, "there is no such stream", "The streams are stdout and stderr.",
                    "stream");
    }
    const auto tail = count_parameter(exchange.request, "tail", kMaxTail).value_or(kDefaultTail);
    const SessionView session = visible_session(manager, exchange);
    const bool follow = flag_parameter(exchange.request, "follow") && session.state != manager::State::ended;
    if (follow && session.log_dir.empty())
        throw Error(Errc::conflict, "session " + session.id + " is not made yet", "Wait until it is ready.",
                    "state");
    const char* type = "text/plain; charset=utf-8";
    if (!follow)
        co_return ok(escape_log(manager.read_log(session.id, stream, tail)), type);
    Manager::LogTail news = manager.follow_log(session.id, stream);
    const auto ticker = std::make_shared<Ticker>(co_await asio::this_coro::executor);
    ticker->first = escape_log(manager.read_log(session.id, stream, tail));
    Response response = ok("", type);
    response.stream = [&manager, id = session.id, news, ticker] {
        return next_lines(manager, id, news, ticker);
    };
    co_return response;
}

/// ChimeraX's save needs the file system: the picture is sent from a file that has no name any more.
asio::awaitable<Response> render(Manager& manager, Exchange exchange) {
    check_parameters(exchange.request, {});
    const SessionView session = visible_session(manager, exchange);
    if (auto answer = gone(session))
        co_return std::move(*answer);
    const RenderRequest asked = parse_render(exchange.request.body);
    if (session.engine.renders == false)
        co_return http_problem(422, "Unprocessable Content", "this session's ChimeraX cannot save pictures",
                               "Have an admin install its libOSMesa, and let the policy bind it.");
    const std::string name = ".render-" + new_session_id() + ".png";
    chimerax::RestRequest request;
    request.target = chimerax::run_target({"save /work/" + name + " width " + std::to_string(asked.width) +
                                           " height " + std::to_string(asked.height) + " supersample " +
                                           std::to_string(asked.supersample) + " transparentBackground " +
                                           (asked.transparent ? "true" : "false")});
    const Duration timeout = rest_timeout(manager, session.policy);
    manager::InUse in_use = manager.use(session.id);
    const chimerax::RestReply reply = co_await manager.rest(session.id, std::move(request), timeout);
    const chimerax::CommandResult result = chimerax::parse_command_result(reply.body);
    if (result.error)
        throw Error(Errc::engine, "ChimeraX did not save the picture: " + result.error->message,
                    "Try a smaller one; the session's log may say more.");
    manager::OpenedFile picture = co_await manager.open_file(session.id, name);
    co_await manager.remove_file(session.id, name, {});
    static constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";
    std::array<char, kSignature.size()> begin{};
    const ssize_t got = ::pread(picture.fd.get(), begin.data(), begin.size(), 0);
    if (got != static_cast<ssize_t>(begin.size()) ||
        std::string_view(begin.data(), begin.size()) != kSignature)
        throw Error(Errc::engine, "what ChimeraX saved is no PNG");
    Response response = ok("", "image/png");
    response.headers.emplace_back("Content-Security-Policy", "sandbox");
    response.file = std::make_shared<const FileBody>(FileBody{std::move(picture.fd), picture.size, 0});
    response.until_sent = std::move(in_use.hold);
    co_return response;
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
    manager::InUse in_use = manager.use(session); // until the last byte of the answer
    chimerax::RestReply reply = co_await manager.rest(session, std::move(forward), timeout);
    Response response;
    // A hostile engine's status is no more than a number: 1xx would not end the answer.
    response.status = reply.status >= 200 && reply.status <= 599 ? reply.status : 502;
    response.content_type =
        reply.content_type.empty() ? "application/octet-stream" : std::move(reply.content_type);
    response.body = std::move(reply.body);
    // Whatever a page of the engine holds runs no script in the name of this server.
    response.headers.emplace_back("Content-Security-Policy", "sandbox");
    response.until_sent = std::move(in_use.hold);
    co_return response;
}

void handlers::add_engine(std::vector<Route>& routes, Manager& manager) {
    const RouteAdder add(routes, manager);
    add("POST", "/v1/sessions/{id}/commands", Role::session, commands, "command");
    for (const char* pattern : {"/v1/sessions/{id}/rest/run", "/v1/sessions/{id}/rest/cmdline.html"}) {
        Route& get = add("GET", pattern, Role::session, rest_run, "rest");
        get.max_body = kMaxRestBody;
        get.takes_body = true; // ChimeraX may make something of it
        add("POST", pattern, Role::session, rest_run, "rest").max_body = kMaxRestBody;
    }
    add("POST", "/v1/sessions/{id}/render", Role::session, render, "render");
    add("GET", "/v1/sessions/{id}/stats", Role::session, stats);
    add("GET", "/v1/sessions/{id}/logs", Role::session, logs);
    add("GET", "/v1/sessions/{id}/inspect", Role::session, inspect);
}

} // namespace sandbox::api
