#include "api/server/published.hpp"

#include "api/auth/auth.hpp"
#include "api/http/problem.hpp"
#include "api/routes/audit.hpp"
#include "api/routes/routes.hpp"

#include <utility>

namespace asio = boost::asio;

namespace sandbox::api {
namespace {

bool has_token(const manager::Manager& manager, const std::string& session, const Request& request) {
    const auto authorization = request.header("authorization");
    if (!authorization)
        return false;
    auto token = bearer_token(*authorization);
    if (!token)
        token = basic_password(*authorization);
    return token && manager.token_matches(session, *token);
}

Response ask_for_token() {
    Response response = problem(Error(Errc::unauthenticated, "this port wants the session's token",
                                      "Send it as Bearer, or as the password of Basic."));
    std::erase_if(response.headers, [](const auto& header) { return header.first == "WWW-Authenticate"; });
    response.headers.emplace_back("WWW-Authenticate", R"(Basic realm="ChimeraX session", charset="UTF-8")");
    return response;
}

asio::awaitable<Response> forward(manager::Manager& manager, RouteContext context) {
    std::string path = context.request.path;
    const manager::FoundSession session = visible_session(context);
    co_return co_await forward_rest(manager, session, std::move(path), std::move(context.request));
}

/// The same as the API's raw REST, in the trail too.
asio::awaitable<Response> forward_audited(manager::Manager& manager, std::string session, Request request) {
    Route route;
    route.handler = [&manager](RouteContext context) {
        return answer_living(manager, forward, std::move(context));
    };
    route.action = "rest";
    RouteContext context{.request = std::move(request),
                         .caller = {.role = Role::session, .tenant = {}, .session = session},
                         .captured = {{"id", session}},
                         .session = manager.find(session)};
    std::string actor = "session " + session + " published port";
    co_return co_await answer_audited(manager, route, std::move(context), std::move(actor));
}

} // namespace

Admit published_port(manager::Manager& manager, const std::string& session) {
    return [&manager, session](const Request& head) -> Admitted {
        check_host_and_origin(head, Peer{});
        if (!has_token(manager, session, head))
            return {.max_body = 0, .answer = {}, .refusal = ask_for_token()};
        const bool known = head.path == "/run" || head.path == "/cmdline.html";
        if (!known || (head.method != "GET" && head.method != "POST")) {
            throw Error(Errc::not_found, "only GET and POST of /run and /cmdline.html are let through",
                        "Use /run?command=….", "url");
        }
        return {.max_body = kMaxRestBody, .answer = [&manager, session](Request request) {
                    return forward_audited(manager, session, std::move(request));
                }};
    };
}

} // namespace sandbox::api
