#include "sandbox/api/pace.hpp"

#include <catch2/catch.hpp>

using namespace sandbox::api;
using namespace std::chrono_literals;

TEST_CASE("a deadline starts anew with progress, and there is none for the whole") {
    const Pace::Time start{};
    Pace pace({.pause = 30s, .first = 60s, .least_rate = 1000}, start);
    CHECK(pace.deadline(start) == start + 30s);
    CHECK(pace.deadline(start + 20s) == start + 50s);
    pace.moved(100'000'000); // a day's worth
    CHECK(pace.deadline(start + 20h) == start + 20h + 30s);
}

TEST_CASE("a few bytes now and then put the end off for no longer than they are worth") {
    const Pace::Time start{};
    Pace pace({.pause = 30s, .first = 60s, .least_rate = 1000}, start);
    for (int i = 0; i < 100; ++i)
        pace.moved(1);
    CHECK(pace.deadline(start + 59s) == start + 60s);
    pace.moved(5000);
    CHECK(pace.deadline(start + 59s) == start + 65s);
}
