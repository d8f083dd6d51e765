// Routes of what happens: server-sent events.
#include "api/format/event_json.hpp"
#include "api/routes/ended_session.hpp"
#include "api/routes/routes.hpp"
#include "api/routing/parameters.hpp"

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

namespace asio = boost::asio;

namespace sandbox::api {
namespace {

using manager::Event;
using manager::Manager;
using manager::State;

/// So often something is sent, so that proxies keep the connection, and a client that has gone is noticed.
constexpr auto kHeartbeat = std::chrono::seconds(15);

/// Where one client's stream stands.
struct Follower {
    Caller caller;
    std::string session; ///< empty: all that the caller may see
    std::uint64_t last_id = 0;
    std::string first; ///< sent before anything that happens
    bool ended = false;
    bool begun = false;
};

bool concerns(const Follower& follower, const Event& event) {
    if (!follower.session.empty())
        return event.session == follower.session;
    return follower.caller.role == Role::admin || event.tenant == follower.caller.tenant;
}

/// Everything that has happened since.
std::string take_new(const Manager& manager, Follower& follower) {
    const Manager::Events news = manager.events_since(follower.last_id);
    std::string text;
    if (!news.complete)
        text += gap_text(news.events.empty() ? news.last_id : news.events.front().id - 1);
    for (const Event& event : news.events) {
        if (!concerns(follower, event))
            continue;
        text += event_text(event);
        follower.ended = follower.ended || (!follower.session.empty() && event.state == State::ended);
    }
    follower.last_id = news.last_id;
    return text;
}

asio::awaitable<std::optional<std::string>> next_piece(Manager& manager, std::shared_ptr<Follower> follower) {
    std::string text;
    if (!std::exchange(follower->begun, true)) {
        text = std::exchange(follower->first, {}) + take_new(manager, *follower);
        co_return text.empty() ? ": hello\n\n" : text; // the client sees that the stream is there
    }
    if (follower->ended || manager.is_leaving())
        co_return std::nullopt;
    const auto heartbeat = std::chrono::steady_clock::now() + kHeartbeat;
    text = take_new(manager, *follower);
    while (text.empty() && !manager.is_leaving() && std::chrono::steady_clock::now() < heartbeat) {
        co_await manager.events_changed(heartbeat);
        text = take_new(manager, *follower);
    }
    co_return text.empty() ? ": still here\n\n" : text;
}

Response stream_of(Manager& manager, const std::shared_ptr<Follower>& follower) {
    Response response;
    response.content_type = "text/event-stream";
    response.stream = [&manager, follower] { return next_piece(manager, follower); };
    return response;
}

/// Where a client that had a stream before wants to go on: the header of its reconnection (HTML Standard,
/// 9.2.4), or a parameter, which a first request can have too.
std::optional<std::uint64_t> last_event_id(const Request& request) {
    const auto text = request.header("last-event-id") ? request.header("last-event-id")
                                                      : request.parameter("last_event_id");
    if (!text)
        return std::nullopt;
    std::uint64_t id = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), id);
    if (error != std::errc() || end != text->data() + text->size() || id == 0)
        throw Error(Errc::invalid_argument, "Last-Event-ID is not the id of an event",
                    "Send the id of the last event that you got, or leave it out.", "Last-Event-ID");
    return id;
}

/// Of `follow=0`: what is known, from the oldest event or the one that was asked for, and the end.
std::optional<Response> known_events(const Manager& manager, const RouteContext& context, Follower follower) {
    if (!context.request.parameter("follow") || flag_parameter(context.request, "follow"))
        return std::nullopt;
    const auto from = last_event_id(context.request);
    Response response;
    response.content_type = "text/event-stream";
    if (from) {
        follower.last_id = *from;
        response.body = take_new(manager, follower);
        return response;
    }
    // That older ones are forgotten is no gap for who asks for what there is.
    for (const Event& event : manager.events_since(1).events)
        if (concerns(follower, event))
            response.body += event_text(event);
    return response;
}

asio::awaitable<Response> events(Manager& manager, RouteContext context) {
    check_parameters(context.request, {"last_event_id", "follow"});
    auto follower = std::make_shared<Follower>();
    follower->caller = context.caller;
    if (auto known = known_events(manager, context, *follower))
        co_return std::move(*known);
    follower->last_id = last_event_id(context.request).value_or(manager.events_since(0).last_id);
    co_return stream_of(manager, follower);
}

/// Without a place to go on from, it begins with the state as it is, so that nothing falls between a look at
/// the session and its stream.
asio::awaitable<Response> session_events(Manager& manager, RouteContext context) {
    check_parameters(context.request, {"last_event_id", "follow"});
    const manager::SessionView session = manager.get(visible_session(context).id);
    const auto from = last_event_id(context.request);
    auto follower = std::make_shared<Follower>();
    follower->caller = context.caller;
    follower->session = session.id;
    if (auto known = known_events(manager, context, *follower))
        co_return std::move(*known);
    if (session.state == State::ended && !from)
        co_return gone_problem(session);
    follower->last_id = from.value_or(manager.events_since(0).last_id);
    if (!from) {
        Event now;
        now.id = follower->last_id;
        now.at = std::chrono::system_clock::now();
        now.session = session.id;
        now.tenant = session.tenant;
        now.state = session.state;
        now.message = "as it is now";
        follower->first = event_text(now);
    } else if (session.state == State::ended) {
        follower->first = take_new(manager, *follower);
        if (follower->first.empty())
            co_return gone_problem(session);
        follower->ended = true;
    }
    co_return stream_of(manager, follower);
}

} // namespace

void handlers::add_events(std::vector<Route>& routes, Manager& manager) {
    const RouteAdder add(routes, manager);
    add("GET", "/v1/events", Role::tenant, events);
    add("GET", "/v1/sessions/{id}/events", Role::session, session_events);
}

} // namespace sandbox::api
