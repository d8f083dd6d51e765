#include "sandbox/async/notifier.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>

namespace asio = boost::asio;
using namespace sandbox;
using namespace sandbox::async;
using namespace std::chrono_literals;

namespace {

asio::awaitable<void> count_wakes(Notifier& signal, std::chrono::milliseconds limit, int& notified,
                                  int& late) {
    const bool woken = co_await signal.wait_until(std::chrono::steady_clock::now() + limit);
    ++(woken ? notified : late);
}

asio::awaitable<void> wait_or_soon(Notifier& signal, bool& gave_up) {
    using namespace asio::experimental::awaitable_operators;
    asio::steady_timer soon(co_await asio::this_coro::executor, 1ms);
    const auto first = co_await (signal.wait() || soon.async_wait(asio::use_awaitable));
    gave_up = first.index() == 1;
}

} // namespace

TEST_CASE("a signal wakes all that wait now, and a later one waits for the next") {
    asio::io_context io;
    Notifier signal(io.get_executor());
    int notified = 0, late = 0;
    for (int i = 0; i < 3; ++i)
        asio::co_spawn(io, count_wakes(signal, 10s, notified, late), asio::detached);
    io.poll();
    CHECK(notified == 0);
    signal.notify();
    io.restart();
    io.poll();
    CHECK(notified == 3);
    asio::co_spawn(io, count_wakes(signal, 1ms, notified, late), asio::detached);
    io.restart();
    io.run();
    CHECK(notified == 3);
    CHECK(late == 1);
}

TEST_CASE("who waits for one of two things leaves the signal when the other comes") {
    asio::io_context io;
    Notifier signal(io.get_executor());
    bool gave_up = false;
    asio::co_spawn(io, wait_or_soon(signal, gave_up), asio::detached);
    io.run();
    CHECK(gave_up);
    signal.notify(); // would touch the frame that is gone
}
