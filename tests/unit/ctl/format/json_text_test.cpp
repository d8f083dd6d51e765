#include "ctl/format/json_text.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox::ctl;
using namespace std::chrono_literals;

TEST_CASE("sizes have three digits and a binary unit") {
    CHECK(short_bytes(0) == "0");
    CHECK(short_bytes(999) == "999");
    CHECK(short_bytes(1024) == "1K");
    CHECK(short_bytes(1023.0 * 1024) == "1M");
    CHECK(short_bytes(1.5 * 1024 * 1024 * 1024) == "1.5G");
    CHECK(short_bytes(157.0 * 1024 * 1024) == "157M");
}

TEST_CASE("ages show their largest unit") {
    CHECK(short_age(0s) == "0s");
    CHECK(short_age(59s) == "59s");
    CHECK(short_age(60s) == "1m");
    CHECK(short_age(2h) == "2h");
    CHECK(short_age(50h) == "2d");
    CHECK(short_age(-5s) == "0s");
}

TEST_CASE("times of the API are read, and nothing else is") {
    const auto time = parse_time("2026-01-31T09:05:07.123Z");
    REQUIRE(time);
    CHECK(std::chrono::system_clock::to_time_t(*time) == 1769850307);
    CHECK(parse_time("2026-01-31T09:05:07Z") == *time - 123ms);
    CHECK_FALSE(parse_time("2026-01-31"));
    CHECK_FALSE(parse_time("2026-01-31T09:05:07+01:00"));
    CHECK_FALSE(parse_time(""));
}

TEST_CASE("a member that is missing, null or empty is a dash") {
    const Json object{{"a", nullptr}, {"b", ""}, {"c", {{"d", 3}}}, {"e", "x"}};
    CHECK(word(object, {"a"}) == "-");
    CHECK(word(object, {"b"}) == "-");
    CHECK(word(object, {"nothing"}) == "-");
    CHECK(word(object, {"c", "d"}) == "3");
    CHECK(word(object, {"e", "d"}) == "-");
    CHECK(word(object, {"e"}) == "x");
    CHECK(bytes_word(object, {"c", "d"}) == "3");
    CHECK(bytes_word(object, {"e"}) == "-");
}

TEST_CASE("an age is counted from the member's time") {
    const Json object{{"created_at", "2026-01-31T09:05:07.000Z"}};
    const auto now = *parse_time("2026-01-31T09:15:07Z");
    CHECK(age_word(object, {"created_at"}, now) == "10m");
    CHECK(age_word(object, {"ready_at"}, now) == "-");
}
