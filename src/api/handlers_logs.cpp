// The log of a session: what its ChimeraX wrote to stdout and stderr.
#include "sandbox/api/handlers.hpp"
#include "sandbox/api/log_text.hpp"
#include "sandbox/api/requests.hpp"

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

/// Of a session that is not made yet. One that has ended has none to wait for.
asio::awaitable<void> wait_for_log(Manager& manager, std::string id) {
    if (manager.get(id).state != manager::State::ended)
        co_await manager.until_logged(id);
}

asio::awaitable<Response> logs(Manager& manager, Exchange exchange) {
    check_parameters(exchange.request, {"stream", "tail", "follow"});
    const std::string stream = exchange.request.parameter("stream").value_or("stdout");
    if (stream != "stdout" && stream != "stderr") {
        throw Error(Errc::invalid_argument, "there is no such stream", "The streams are stdout and stderr.",
                    "stream");
    }
    const auto tail = count_parameter(exchange.request, "tail", kMaxTail).value_or(kDefaultTail);
    const bool wants_more = flag_parameter(exchange.request, "follow");
    if (const std::string id = visible_session(manager, exchange).id; wants_more)
        co_await wait_for_log(manager, id);
    const SessionView session = visible_session(manager, exchange);
    const bool follow = wants_more && session.state != manager::State::ended;
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

} // namespace

void handlers::add_logs(std::vector<Route>& routes, Manager& manager) {
    const RouteAdder add(routes, manager);
    add.living("GET", "/v1/sessions/{id}/logs", Role::session, logs);
}

} // namespace sandbox::api
