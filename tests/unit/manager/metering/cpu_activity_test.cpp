#include "manager/metering/cpu_activity.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using namespace std::chrono_literals;

namespace {

const BootClock::time_point kStart(1'000s);

} // namespace

TEST_CASE("a sandbox works where it used enough CPU time over a window") {
    CpuActivity activity;
    CHECK_FALSE(activity.note(50s, kStart, 0.25)); // what it used before is not known of any time
    CHECK_FALSE(activity.note(60s, kStart + 4s, 0.25));
    CHECK(activity.note(60s, kStart + 5s, 0.25));
    CHECK_FALSE(activity.note(60s + 1249ms, kStart + 10s, 0.25));
    CHECK(activity.note(60s + 2499ms, kStart + 15s, 0.25));
    CHECK_FALSE(activity.note(60s + 2499ms, kStart + 20s, 0.25));
}

TEST_CASE("a burst is spread over the time until the next look") {
    CpuActivity activity;
    activity.note(0s, kStart, 0.25);
    CHECK_FALSE(activity.note(1s, kStart + 5s, 0.25));
    CHECK_FALSE(activity.note(16s, kStart + 105s, 0.25));
    CHECK(activity.note(17s + 250ms, kStart + 110s, 0.25));
}
