#include "manager/events/expiry_notices.hpp"

#include <chrono>

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using namespace std::chrono_literals;

namespace {

const BootClock::time_point kStart{1000h};

bool is_due(ExpiryNotices& expiry, BootClock::time_point end, BootClock::time_point now, Duration span = 1h) {
    return expiry.due(Clock::idle, span, end, now).has_value();
}

} // namespace

TEST_CASE("an end is told of 10 and 2 minutes ahead, once each") {
    ExpiryNotices expiry({10min, 2min});
    const auto end = kStart + 1h;
    CHECK(expiry.next(Clock::idle, 1h, end) == end - 10min);
    CHECK_FALSE(is_due(expiry, end, kStart));
    CHECK_FALSE(is_due(expiry, end, end - 10min - 1ms));
    CHECK(is_due(expiry, end, end - 10min));
    CHECK_FALSE(is_due(expiry, end, end - 5min));
    CHECK(expiry.next(Clock::idle, 1h, end) == end - 2min);
    CHECK(is_due(expiry, end, end - 2min));
    CHECK_FALSE(is_due(expiry, end, end - 1s));
    CHECK_FALSE(expiry.next(Clock::idle, 1h, end));
}

TEST_CASE("an end that was put off is told of anew") {
    ExpiryNotices expiry({10min, 2min});
    const auto end = kStart + 1h;
    CHECK(is_due(expiry, end, end - 9min));
    CHECK_FALSE(is_due(expiry, end + 30min, end - 8min));
    CHECK(is_due(expiry, end + 30min, end + 20min));
}

TEST_CASE("the two clocks are told of apart") {
    ExpiryNotices expiry({10min});
    const auto end = kStart + 1h;
    CHECK(is_due(expiry, end, end - 9min));
    CHECK(expiry.due(Clock::lifetime, 2h, end, end - 9min));
    CHECK_FALSE(expiry.due(Clock::lifetime, 2h, end, end - 8min));
}

TEST_CASE("a clock that is shorter than a time ahead is not told of at that time") {
    ExpiryNotices expiry({10min, 2min});
    const auto end = kStart + 5min;
    CHECK_FALSE(is_due(expiry, end, kStart, 5min));
    CHECK(expiry.next(Clock::idle, 5min, end) == end - 2min);
    CHECK(is_due(expiry, end, end - 2min, 5min));
    CHECK_FALSE(ExpiryNotices({10min}).next(Clock::idle, 1min, kStart));
}

TEST_CASE("after a long sleep one word is enough, and none about an end that has come") {
    ExpiryNotices expiry({10min, 2min});
    const auto end = kStart + 1h;
    CHECK(is_due(expiry, end, end - 1min));
    CHECK_FALSE(is_due(expiry, end, end - 30s));
    ExpiryNotices asleep({10min, 2min});
    CHECK_FALSE(is_due(asleep, end, end));
}
