#pragma once

#include "sandbox/base/duration.hpp"
#include "sandbox/manager/event.hpp"

#include <array>
#include <optional>
#include <vector>

namespace sandbox::manager {

/// When those who follow a session are told that one of its clocks ends it soon: once at each of these times
/// ahead, and anew when the end was put off.
class ExpiryNotices {
  public:
    /// `ahead`: the longest first.
    explicit ExpiryNotices(std::vector<Duration> ahead) : ahead_(std::move(ahead)) {}

    struct Notice {
        Clock clock = Clock::idle;
        BootClock::time_point end;
    };

    /// What has to be told now of a clock of this span that ends then; none where it does not run. A clock
    /// that is shorter than a time ahead would be told of from its start: for that one, nobody is told.
    std::optional<Notice> due(Clock clock, Duration span, BootClock::time_point end,
                              BootClock::time_point now);
    /// When there is the next to be told; none: all was.
    std::optional<BootClock::time_point> next(Clock clock, Duration span, BootClock::time_point end) const;

  private:
    struct Told {
        BootClock::time_point end{};
        std::size_t count = 0; ///< of `ahead_`, told or passed over
    };
    std::size_t to_tell(Clock clock, Duration span, BootClock::time_point end) const;

    const std::vector<Duration> ahead_;
    std::array<Told, 2> told_;
};

} // namespace sandbox::manager
