// The log of a session: what its ChimeraX wrote to stdout and stderr.
#include "api/format/log_text.hpp"
#include "api/routes/ended_session.hpp"
#include "api/routes/routes.hpp"
#include "api/routing/parameters.hpp"

#include <chrono>
#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace asio = boost::asio;

namespace sandbox::api {
namespace {

using manager::Manager;
using manager::SessionView;

constexpr std::uint64_t kDefaultTail = 64 * 1024, kMaxTail = 16 * 1024 * 1024;
constexpr Duration kPause = std::chrono::milliseconds(200);

/// Where a caller stands who reads a log.
struct Reading {
    Reading(std::string its_session, Manager::OpenedLog its_log, const asio::any_io_executor& executor)
        : session(std::move(its_session)),
          log(std::move(its_log)),
          text(log.is_cut),
          timer(executor) {}

    const std::string session;
    const Manager::OpenedLog log;
    LogText text;
    asio::steady_timer timer;
    std::string first;     ///< sent before anything else
    bool follows = false;  ///< what comes later, too
    bool is_stored = true; ///< what there was at the opening is not all sent yet
};

bool has_ended(const Manager& manager, const std::string& id) {
    try {
        return manager.get(id).state == manager::State::ended;
    } catch (const Error&) {
        return true; // so long ago that nobody knows of it any more
    }
}

std::optional<std::string> last_of(Reading& reading) {
    std::string rest = reading.text.finish();
    return rest.empty() ? std::nullopt : std::optional(std::move(rest));
}

/// What is new, or an empty piece, after which the connection is looked at. sandbox-init writes to a file:
/// nobody tells of it.
asio::awaitable<std::optional<std::string>> next_piece(Manager& manager, std::shared_ptr<Reading> reading) {
    if (!reading->first.empty())
        co_return std::exchange(reading->first, {});
    if (reading->is_stored) {
        const std::string piece = reading->log.next_piece();
        if (!piece.empty())
            co_return reading->text.add(piece);
        reading->is_stored = false;
    }
    if (!reading->follows || manager.is_leaving())
        co_return last_of(*reading);
    reading->timer.expires_after(kPause);
    co_await reading->timer.async_wait(asio::use_awaitable);
    reading->follows = !has_ended(manager, reading->session); // before the last look
    co_return reading->text.add(reading->log.read_new());
}

Response not_kept(const SessionView& session) {
    const bool is_known = session.end && session.end->log;
    const std::string why =
        is_known ? session.end->log->message : "There was none, or an earlier release saw its end.";
    const bool has_tail = session.end && !session.end->log_tail.empty();
    return ended_problem(Error(Errc::gone, "the log of session " + session.id + " is not there: " + why,
                               has_tail ? "See log_tail for its last lines." : ""),
                         session);
}

bool is_kept(const SessionView& session) {
    return session.end && session.end->log && session.end->log->fate == manager::LogFate::kept;
}

/// Of a session that is not made yet. One that has ended has none to wait for.
asio::awaitable<void> wait_for_log(Manager& manager, std::string id) {
    if (manager.get(id).state != manager::State::ended)
        co_await manager.until_logged(id);
}

asio::awaitable<Response> logs(Manager& manager, RouteContext context) {
    check_parameters(context.request, {"stream", "tail", "follow"});
    const std::string stream = context.request.parameter("stream").value_or("stdout");
    if (stream != "stdout" && stream != "stderr") {
        throw Error(Errc::invalid_argument, "there is no such stream", "The streams are stdout and stderr.",
                    "stream");
    }
    const auto tail = count_parameter(context.request, "tail", kMaxTail).value_or(kDefaultTail);
    const bool follows = flag_parameter(context.request, "follow");
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    if (const std::string id = visible_session(context).id; follows)
        co_await wait_for_log(manager, id);
    const SessionView session = manager.get(visible_session(context).id);
    const bool ended = session.state == manager::State::ended;
    if (ended && !is_kept(session))
        co_return not_kept(session);
    const auto reading =
        std::make_shared<Reading>(session.id, manager.open_log(session.id, stream, tail), executor);
    reading->follows = follows && !ended;
    reading->first = reading->text.add(reading->log.next_piece());
    const char* type = "text/plain; charset=utf-8";
    if (!reading->follows) {
        const std::string more = reading->log.next_piece();
        if (more.empty())
            co_return ok(reading->first + reading->text.finish(), type);
        reading->first += reading->text.add(more);
    }
    Response response = ok("", type);
    response.stream = [&manager, reading] { return next_piece(manager, reading); };
    co_return response;
}

} // namespace

void handlers::add_logs(std::vector<Route>& routes, Manager& manager) {
    const RouteAdder add(routes, manager);
    add.living("GET", "/v1/sessions/{id}/logs", Role::session, logs);
}

} // namespace sandbox::api
