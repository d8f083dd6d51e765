#include "sandbox/base/duration.hpp"
#include "sandbox/base/error.hpp"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using sandbox::format_duration;
using sandbox::parse_duration;

TEST_CASE("spans of time are read as an admin writes them") {
    CHECK(parse_duration("500ms") == 500ms);
    CHECK(parse_duration("30s") == 30s);
    CHECK(parse_duration("10m") == 10min);
    CHECK(parse_duration("1h30m") == 90min);
    CHECK(parse_duration("7d") == 7 * 24h);
    CHECK(parse_duration("0") == 0s);
    CHECK(parse_duration("0s") == 0s);
}

TEST_CASE("what is no span of time is refused") {
    for (const char* text : {"", "30", "s", "-5s", "5 s", "5y", "1.5h", "5sx", "99999d",
                             "9223372036854775807ms", "9223372036854775808ms", "3660d1ms"}) {
        INFO(text);
        CHECK_THROWS_AS(parse_duration(text), sandbox::Error);
    }
}

TEST_CASE("a span's text reads back as the same span") {
    CHECK(format_duration(90min) == "1h30m");
    CHECK(format_duration(0ms) == "0s");
    for (const auto span : {1ms, 999ms, 61001ms, 90061007ms})
        CHECK(parse_duration(format_duration(span)) == span);
}

TEST_CASE("times are RFC 3339 in UTC, also before 1970") {
    using std::chrono::system_clock;
    CHECK(sandbox::format_time(system_clock::time_point(1769850307123ms)) == "2026-01-31T09:05:07.123Z");
    CHECK(sandbox::format_time(system_clock::time_point(-1ms)) == "1969-12-31T23:59:59.999Z");
    CHECK(sandbox::format_time_in_name(system_clock::time_point(1769850307123ms)) == "20260131T090507123Z");
}
