#include "sandbox/async/fair_semaphore.hpp"

#include <string>
#include <vector>

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

struct Visitors {
    explicit Visitors(asio::io_context& context, std::size_t limit, std::size_t bound)
        : io(context),
          gate(io.get_executor(), limit, bound),
          leave(io.get_executor()) {}

    ~Visitors() {
        gate.close(Error(Errc::gone, "the test is over"));
        over = true;
        leave.notify();
        settle();
    }

    void come(int number, SteadyTime deadline = SteadyTime::max()) {
        asio::co_spawn(io, visit(number, deadline), asio::detached);
        settle();
    }
    void settle() {
        io.restart();
        io.poll();
    }
    void let_leave(int number) {
        leaving = number;
        leave.notify();
        settle();
    }

    asio::awaitable<void> visit(int number, SteadyTime deadline) {
        try {
            const FairSemaphore::Permit permit = co_await gate.enter(deadline);
            entered.push_back(number);
            while (leaving != number && !over)
                co_await leave.wait();
        } catch (const Error& error) {
            refused.emplace_back(number, error.code());
        }
    }

    asio::io_context& io;
    FairSemaphore gate;
    Notifier leave;
    int leaving = 0;
    bool over = false;
    std::vector<int> entered;
    std::vector<std::pair<int, Errc>> refused;
};

using Numbers = std::vector<int>;
using Refusals = std::vector<std::pair<int, Errc>>;

} // namespace

TEST_CASE("at most the limit is inside, others come in as they came") {
    asio::io_context io;
    Visitors visitors(io, 2, 10);
    for (int i = 1; i <= 5; ++i)
        visitors.come(i);
    CHECK(visitors.entered == Numbers{1, 2});
    CHECK(visitors.gate.waiting() == 3);
    visitors.let_leave(2);
    CHECK(visitors.entered == Numbers{1, 2, 3});
    visitors.let_leave(1);
    CHECK(visitors.entered == Numbers{1, 2, 3, 4});
}

TEST_CASE("a full queue refuses with quota, and the deadline of the turn is timed_out") {
    asio::io_context io;
    Visitors visitors(io, 1, 2);
    visitors.come(1);
    visitors.come(2, std::chrono::steady_clock::now() + 5ms);
    visitors.come(3);
    visitors.come(4);
    CHECK(visitors.refused == Refusals{{4, Errc::quota}});
    io.restart();
    io.run_for(20ms);
    CHECK(visitors.refused == Refusals{{4, Errc::quota}, {2, Errc::timed_out}});
    visitors.let_leave(1);
    CHECK(visitors.entered == Numbers{1, 3});
}

TEST_CASE("a caller that goes away leaves the queue, and the next one comes in") {
    asio::io_context io;
    Visitors visitors(io, 1, 2);
    visitors.come(1);
    asio::co_spawn(
        io,
        [&]() -> asio::awaitable<void> {
            using namespace asio::experimental::awaitable_operators;
            asio::steady_timer gone(io, 1ms);
            co_await (visitors.visit(2, SteadyTime::max()) || gone.async_wait(asio::use_awaitable));
        },
        asio::detached);
    visitors.settle();
    CHECK(visitors.gate.waiting() == 1);
    visitors.come(3);
    io.restart();
    io.run_for(10ms);
    CHECK(visitors.gate.waiting() == 1);
    visitors.let_leave(1);
    CHECK(visitors.entered == Numbers{1, 3});
}

TEST_CASE("a closed gate refuses all with its error, and who is inside stays") {
    asio::io_context io;
    Visitors visitors(io, 1, 5);
    visitors.come(1);
    visitors.come(2);
    visitors.gate.close(Error(Errc::gone, "over"));
    visitors.come(3);
    CHECK(visitors.refused == Refusals{{2, Errc::gone}, {3, Errc::gone}});
    visitors.let_leave(1);
    CHECK(visitors.entered == Numbers{1});
    CHECK_FALSE(static_cast<bool>(visitors.gate.try_enter()));
}

TEST_CASE("to try never waits, and never overtakes one that waits") {
    asio::io_context io;
    FairSemaphore gate(io.get_executor(), 1, 5);
    {
        const FairSemaphore::Permit permit = gate.try_enter();
        CHECK(static_cast<bool>(permit));
        CHECK_FALSE(static_cast<bool>(gate.try_enter()));
    }
    CHECK(static_cast<bool>(gate.try_enter()));
}
