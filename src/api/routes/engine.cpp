// Routes that reach into a session: raw REST, pictures, statistics, what the launcher sees of it.
#include "api/format/session_json.hpp"
#include "api/format/stats_json.hpp"
#include "api/http/problem.hpp"
#include "api/routes/ended_session.hpp"
#include "api/routes/request_bodies.hpp"
#include "api/routes/routes.hpp"
#include "api/routing/parameters.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/chimerax/command_result.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <unistd.h>

namespace asio = boost::asio;

namespace sandbox::api {
namespace {

using manager::Manager;
using manager::SessionView;

/// Where a stream that looks again and again stands.
struct Ticker {
    explicit Ticker(const asio::any_io_executor& executor) : timer(executor) {}
    asio::steady_timer timer;
    bool over = false;

    asio::awaitable<void> wait(Duration pause) {
        timer.expires_after(pause);
        co_await timer.async_wait(asio::use_awaitable);
    }
};

/// For routes that need a living session: an ended one is 410 with its end.
std::optional<Response> gone(const Manager& manager, const manager::FoundSession& session) {
    if (session.live)
        return std::nullopt;
    return gone_problem(manager.get(session.id));
}

asio::awaitable<Response> rest_run(Manager& manager, RouteContext context) {
    const manager::FoundSession session = visible_session(context);
    if (auto answer = gone(manager, session))
        co_return std::move(*answer);
    std::string path = context.request.path.ends_with("/cmdline.html") ? "/cmdline.html" : "/run";
    co_return co_await forward_rest(manager, session, std::move(path), std::move(context.request));
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

asio::awaitable<Response> stats(Manager& manager, RouteContext context) {
    check_parameters(context.request, {"history", "follow"});
    const bool with_history = flag_parameter(context.request, "history");
    const manager::FoundSession session = visible_session(context);
    if (auto answer = gone(manager, session))
        co_return std::move(*answer);
    if (!flag_parameter(context.request, "follow"))
        co_return ok(
            stats_json(manager.get(session.id), manager.stats(session.id, with_history), with_history));
    Response response = ok("", "text/event-stream");
    const auto ticker = std::make_shared<Ticker>(co_await asio::this_coro::executor);
    response.stream = [&manager, id = session.id, ticker] { return next_stats(manager, id, ticker); };
    co_return response;
}

std::string save_command(const RenderRequest& asked, const std::string& name) {
    return "save /work/" + name + " width " + std::to_string(asked.width) + " height " +
           std::to_string(asked.height) + " supersample " + std::to_string(asked.supersample) +
           " transparentBackground " + (asked.transparent ? "true" : "false");
}

std::string failure_of(const chimerax::CommandResult& result) {
    if (result.error)
        return result.error->message;
    const auto& log = result.error_log.empty() ? result.bug : result.error_log;
    return log.empty() ? "it does not say why" : log.front();
}

/// ChimeraX's save needs the file system: the picture is sent from a file that has no name any more.
asio::awaitable<manager::OpenedFile> take_picture(Manager& manager, manager::FoundSession session,
                                                  RenderRequest asked, Duration timeout) {
    static constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";
    const std::string name = ".render-" + new_session_id() + ".png";
    manager::CommandList list;
    list.commands = {save_command(asked, name)};
    list.timeout = timeout;
    const manager::CommandsRun run = co_await manager.run(session, std::move(list));
    if (run.lost)
        throw *run.lost;
    if (!run.ran[0].result.ok()) {
        throw Error(Errc::engine, "ChimeraX did not save the picture: " + failure_of(run.ran[0].result),
                    "Try a smaller one; the session's log may say more.")
            .of_sent_request();
    }
    try {
        manager::OpenedFile picture = co_await manager.open_file(session.id, name);
        co_await manager.remove_file(session.id, name, {});
        std::array<char, kSignature.size()> begin{};
        const ssize_t got = ::pread(picture.fd.get(), begin.data(), begin.size(), 0);
        if (got != static_cast<ssize_t>(begin.size()) ||
            std::string_view(begin.data(), begin.size()) != kSignature)
            throw Error(Errc::engine, "what ChimeraX saved is no PNG");
        co_return picture;
    } catch (const Error& error) {
        if (error.code() != Errc::not_found)
            throw error.of_sent_request();
        throw Error(Errc::engine, "ChimeraX says that it saved the picture, and there is none",
                    "The session's log may say more.")
            .of_sent_request();
    }
}

asio::awaitable<Response> render(Manager& manager, RouteContext context) {
    check_parameters(context.request, {});
    const manager::FoundSession session = visible_session(context);
    if (auto answer = gone(manager, session))
        co_return std::move(*answer);
    const RenderRequest asked = parse_render(context.request.body);
    if (manager.get(session.id).engine.renders == false)
        co_return http_problem(422, "Unprocessable Content", "this session's ChimeraX cannot save pictures",
                               "Have an admin install its libOSMesa, and let the policy bind it.");
    manager::InUse in_use = manager.use(session); // until the last byte of the answer
    manager::OpenedFile picture = co_await take_picture(manager, session, asked, in_use.request_timeout);
    Response response = ok("", "image/png");
    response.headers.emplace_back("Content-Security-Policy", "sandbox");
    response.file = std::make_shared<const FileBody>(FileBody{std::move(picture.fd), picture.size, 0});
    response.until_sent = std::move(in_use.hold);
    co_return response;
}

asio::awaitable<Response> inspect(Manager& manager, RouteContext context) {
    check_parameters(context.request, {});
    const manager::FoundSession session = visible_session(context);
    if (auto answer = gone(manager, session))
        co_return std::move(*answer);
    co_return ok(co_await manager.inspect(session.id));
}

} // namespace

asio::awaitable<Response> forward_rest(Manager& manager, manager::FoundSession session, std::string path,
                                       Request request) {
    chimerax::RestRequest forward;
    forward.method = request.method;
    forward.target = path + std::string(request.raw_query());
    forward.content_type = request.header("content-type").value_or("");
    forward.body = std::move(request.body);
    manager::InUse in_use = manager.use(session); // until the last byte of the answer
    chimerax::RestReply reply = co_await manager.rest(session, std::move(forward), in_use.request_timeout);
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
    for (const char* pattern : {"/v1/sessions/{id}/rest/run", "/v1/sessions/{id}/rest/cmdline.html"}) {
        Route& get = add.living("GET", pattern, Role::session, rest_run, "rest");
        get.max_body = kMaxRestBody;
        get.takes_body = true; // ChimeraX may make something of it
        add.living("POST", pattern, Role::session, rest_run, "rest").max_body = kMaxRestBody;
    }
    add.living("POST", "/v1/sessions/{id}/render", Role::session, render, "render");
    add("GET", "/v1/sessions/{id}/stats", Role::session, stats);
    add.living("GET", "/v1/sessions/{id}/inspect", Role::session, inspect);
}

} // namespace sandbox::api
