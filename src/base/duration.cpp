#include "sandbox/base/duration.hpp"

#include "sandbox/base/error.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace sandbox {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t milliseconds;
};
constexpr std::array kUnits{Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000}, Unit{"s", 1'000},
                            Unit{"ms", 1}};
constexpr std::int64_t kMax = 10LL * 366 * 86'400'000;

Error bad_duration(std::string_view text) {
    return {Errc::invalid_argument, "\"" + std::string(text) + "\" is not a span of time",
            "write numbers with ms, s, m, h or d, as \"30s\", \"10m\" or \"1h30m\", at most 10 years"};
}

} // namespace

Duration parse_duration(std::string_view text) {
    if (text == "0")
        return Duration::zero();
    if (text.empty())
        throw bad_duration(text);
    std::int64_t sum = 0;
    for (std::string_view rest = text; !rest.empty();) {
        std::int64_t number = 0;
        const char* end = rest.data() + rest.size();
        const auto [after, ec] = std::from_chars(rest.data(), end, number);
        if (ec != std::errc{} || number < 0)
            throw bad_duration(text);
        rest.remove_prefix(static_cast<std::size_t>(after - rest.data()));
        const std::string_view unit = rest.substr(0, rest.find_first_of("0123456789"));
        rest.remove_prefix(unit.size());
        const Unit* found = nullptr;
        for (const Unit& candidate : kUnits)
            if (candidate.name == unit)
                found = &candidate;
        if (found == nullptr || number > kMax / found->milliseconds)
            throw bad_duration(text);
        sum += number * found->milliseconds;
        if (sum > kMax)
            throw bad_duration(text);
    }
    return Duration(sum);
}

std::string format_duration(Duration duration) {
    std::int64_t rest = duration.count();
    if (rest == 0)
        return "0s";
    std::string text = rest < 0 ? "-" : "";
    if (rest < 0)
        rest = -rest;
    for (const Unit& unit : kUnits)
        if (rest >= unit.milliseconds) {
            text += std::to_string(rest / unit.milliseconds) + std::string(unit.name);
            rest %= unit.milliseconds;
        }
    return text;
}

BootClock::time_point BootClock::now() noexcept {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return time_point(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

std::string format_time(std::chrono::system_clock::time_point time) {
    const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(milliseconds);
    const std::time_t unix_seconds = std::chrono::system_clock::to_time_t(seconds);
    std::tm utc{};
    ::gmtime_r(&unix_seconds, &utc);
    std::array<char, 40> text{};
    const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
    const int more = std::snprintf(text.data() + length, text.size() - length, ".%03dZ",
                                   static_cast<int>((milliseconds - seconds).count()));
    return {text.data(), length + static_cast<std::size_t>(more)};
}

std::string format_time_in_name(std::chrono::system_clock::time_point time) {
    std::string text = format_time(time);
    std::erase_if(text, [](char c) { return c == ':' || c == '-' || c == '.'; });
    return text;
}

} // namespace sandbox
