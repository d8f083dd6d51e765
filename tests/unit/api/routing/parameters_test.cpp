#include "api/routing/parameters.hpp"
#include "sandbox/base/error.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::api;
using namespace std::chrono_literals;

namespace {

/// "code field" of the refusal.
template <typename Action>
std::string refusal(const Action& action) {
    try {
        action();
    } catch (const Error& error) {
        CHECK_FALSE(error.cure().empty());
        return std::string(errc_info(error.code()).text) + " " + error.field();
    }
    return "it was taken";
}

Request with(const std::string& query) {
    Request request;
    parse_target(request, "/?" + query);
    return request;
}

} // namespace

TEST_CASE("a parameter in seconds is a number from 0 to its most, or absent") {
    CHECK(seconds_parameter(with("t=1.5"), "t", 10s) == 1500ms);
    CHECK(seconds_parameter(with("t=0"), "t", 10s) == 0ms);
    CHECK(seconds_parameter(with("t=10"), "t", 10s) == 10s);
    CHECK_FALSE(seconds_parameter(with("u=1"), "t", 10s));
    for (const char* value : {"", "10.1", "-1", "nan", "inf", "1s", "+1", "0x1", "1e99"}) {
        INFO(value);
        CHECK(refusal([&] { seconds_parameter(with("t=" + std::string(value)), "t", 10s); }) ==
              "invalid_argument t");
    }
}

TEST_CASE("a count parameter is a whole number from 0 to its most, or absent") {
    CHECK(count_parameter(with("n=0"), "n", 7) == 0U);
    CHECK(count_parameter(with("n=7"), "n", 7) == 7U);
    CHECK_FALSE(count_parameter(with(""), "n", 7));
    for (const char* value : {"", "8", "-1", "1.0", "18446744073709551616", "7x"}) {
        INFO(value);
        CHECK(refusal([&] { count_parameter(with("n=" + std::string(value)), "n", 7); }) ==
              "invalid_argument n");
    }
}

TEST_CASE("states are a list of the states that there are") {
    using enum manager::State;
    CHECK(states_parameter(with("s=ready,ended"), "s") == std::vector<manager::State>{ready, ended});
    CHECK(states_parameter(with(""), "s").empty());
    for (const char* value : {"Ready", "ready,,ended", ",ready", "ready+ended", "gone"}) {
        INFO(value);
        CHECK(refusal([&] {
                  states_parameter(with("s=" + std::string(value)), "s");
              }).starts_with("invalid_argument "));
    }
    try {
        states_parameter(with("s=gone"), "s");
    } catch (const Error& error) {
        CHECK(error.cure() ==
              "The states are queued, starting, ready, busy, frozen, recovering, ending, ended and stuck.");
    }
}
