// What all routes have in common that need a session that lives.
#include "api/http/problem.hpp"
#include "api/routes/ended_session.hpp"
#include "api/routes/routes.hpp"
#include "api/transport/while_client_stays.hpp"

#include <chrono>

namespace asio = boost::asio;

namespace sandbox::api {
namespace {

using manager::Manager;
using manager::SessionView;
using manager::State;

/// One that is about to end tells why in a moment.
constexpr Duration kEndTime = std::chrono::seconds(10);

asio::awaitable<Response> answer_of_end(Manager& manager, std::string id, Error error) {
    SessionView session;
    try {
        session = manager.get(id);
        std::vector<State> states{State::ended};
        if (session.state == State::ending)
            session = co_await manager.wait(id, std::move(states), kEndTime);
    } catch (const Error&) { // it does not end, or is forgotten already
        co_return problem(error);
    }
    if (!session.end)
        co_return problem(error);
    const Error ended(Errc::gone,
                      "session " + id + " has ended (" + std::string(to_text(session.end->reason)) +
                          "): " + session.end->message,
                      "Make a new session.");
    co_return ended_problem(error.state_may_have_changed() ? ended.of_sent_request() : ended, session);
}

} // namespace

asio::awaitable<Response>
answer_living(Manager& manager, std::function<asio::awaitable<Response>(Manager&, RouteContext)> function,
              RouteContext context) {
    const std::string id = context.captured.at("id");
    // A body that is still to be read tells by itself that its client has gone.
    const std::shared_ptr<Client> client = context.request.body_stream ? nullptr : context.request.client;
    std::optional<Error> gone;
    asio::awaitable<Response> answer = function(manager, std::move(context));
    try {
        co_return co_await while_client_stays(client, std::move(answer));
    } catch (const Error& error) {
        if (error.code() != Errc::gone)
            throw;
        gone = error;
    }
    co_return co_await answer_of_end(manager, id, *gone);
}

} // namespace sandbox::api
