#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace sandbox {

/// Spans of time in configuration and API, in milliseconds.
using Duration = std::chrono::milliseconds;

/// Reads `500ms`, `30s`, `10m`, `8h`, `7d`, sums of them as `1h30m`, and `0`. Throws Error
/// invalid_argument on anything else, and on more than 10 years.
Duration parse_duration(std::string_view text);

/// The shortest exact text, as `1h30m`; `0s` for none.
std::string format_duration(Duration duration);

/// CLOCK_BOOTTIME: it runs on in suspend and never jumps with the wall clock (clock_gettime(2)).
struct BootClock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<BootClock>;
    static constexpr bool is_steady = true;
    static time_point now() noexcept;
};

using SteadyTime = std::chrono::steady_clock::time_point;

/// RFC 3339 in UTC with milliseconds, as `2026-01-31T09:05:07.123Z`.
std::string format_time(std::chrono::system_clock::time_point time);

/// The same time for a file's name, as `20260131T090507123Z`.
std::string format_time_in_name(std::chrono::system_clock::time_point time);

} // namespace sandbox
