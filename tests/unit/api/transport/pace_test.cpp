#include "api/transport/pace.hpp"

#include <catch2/catch.hpp>

using namespace sandbox::api;
using namespace std::chrono_literals;

TEST_CASE("a file's deadline starts anew with progress, and there is none for the whole") {
    const Pace::Time start{};
    Pace pace({.pause = 30s, .first = 60s, .least_rate = 1000}, Held::on_disk, start);
    CHECK(pace.deadline(start) == start + 30s);
    CHECK(pace.deadline(start + 20s) == start + 50s);
    pace.moved(100'000'000); // a day's worth
    CHECK(pace.deadline(start + 20h) == start + 20h + 30s);
}

TEST_CASE("a few bytes now and then put the end off for no longer than they are worth") {
    const Pace::Time start{};
    Pace pace({.pause = 30s, .first = 60s, .least_rate = 1000}, Held::on_disk, start);
    for (int i = 0; i < 100; ++i)
        pace.moved(1);
    CHECK(pace.deadline(start + 59s) == start + 60s);
    pace.moved(5000);
    CHECK(pace.deadline(start + 59s) == start + 65s);
}

TEST_CASE("what is held in memory has a time for the whole, however steadily it moves") {
    const Pace::Time start{};
    Pace pace({.pause = 30s, .first = 60s, .least_rate = 1000, .whole = 300s}, Held::in_memory, start);
    pace.moved(100'000'000);
    CHECK(pace.deadline(start + 100s) == start + 130s);
    CHECK(pace.deadline(start + 290s) == start + 300s);
    CHECK(pace.deadline(start + 20h) == start + 300s);
}
