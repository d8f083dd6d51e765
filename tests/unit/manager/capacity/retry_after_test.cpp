#include "manager/capacity/retry_after.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using namespace std::chrono_literals;

namespace {

const SteadyTime kStart = SteadyTime() + 1h;

std::vector<SteadyTime> in(const std::vector<std::chrono::seconds>& times) {
    std::vector<SteadyTime> openings;
    for (const auto time : times)
        openings.push_back(kStart + time);
    return openings;
}

} // namespace

TEST_CASE("each who is sent away is told the next opening, a moment after it, and the last one at most") {
    RetryAfter times;
    const auto openings = in({5s, 10s, 20s});
    CHECK(times.next("", openings, kStart) == 6s);
    CHECK(times.next("", openings, kStart) == 6s);
    CHECK(times.tell("", openings, kStart) == 6s);
    CHECK(times.tell("", openings, kStart) == 11s);
    CHECK(times.tell("", openings, kStart) == 21s);
    for (int i = 0; i < 100; ++i)
        CHECK(times.tell("", openings, kStart) == 21s);
}

TEST_CASE("what was told is forgotten when its time has passed") {
    RetryAfter times;
    CHECK(times.tell("", in({5s, 10s}), kStart) == 6s);
    CHECK(times.tell("", in({5s, 10s}), kStart) == 11s);
    // The first has come back, and another waits in its room.
    CHECK(times.tell("", in({10s, 40s}), kStart + 7s) == 34s);
    CHECK(times.tell("", in({40s, 50s}), kStart + 60s) == 1s);
}

TEST_CASE("what was told is forgotten when there is room before") {
    RetryAfter times;
    CHECK(times.tell("", in({5s, 10s}), kStart) == 6s);
    CHECK(times.tell("a", in({5s, 10s}), kStart) == 6s);
    times.forget("");
    CHECK(times.tell("", in({5s, 10s}), kStart) == 6s);
    CHECK(times.tell("a", in({5s, 10s}), kStart) == 11s);
}

TEST_CASE("one tenant's times do not drive another's up") {
    RetryAfter times;
    CHECK(times.tell("a", in({5s, 10s}), kStart) == 6s);
    CHECK(times.tell("b", in({5s, 10s}), kStart) == 6s);
}

TEST_CASE("the estimate follows the last ends and the number of those who wait, within bounds") {
    RetryAfter times;
    CHECK(times.estimate(0, kStart) == 30s);
    for (int i = 0; i < 10; ++i)
        times.freed(kStart + i * 4s);
    CHECK(times.estimate(0, kStart + 40s) == 4s);
    CHECK(times.estimate(4, kStart + 40s) == 20s);
    CHECK(times.estimate(1000, kStart + 40s) == 300s);
    for (int i = 0; i < 20; ++i)
        times.freed(kStart + 40s); // the old ones no longer count
    CHECK(times.estimate(0, kStart + 40s) == 1s);
    CHECK(times.estimate(0, kStart + 72s) == 2s);
}
