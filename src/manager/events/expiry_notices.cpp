#include "manager/events/expiry_notices.hpp"

#include <algorithm>

namespace sandbox::manager {

/// The index of the next time ahead that nobody has been told of.
std::size_t ExpiryNotices::to_tell(Clock clock, Duration span, BootClock::time_point end) const {
    const Told& told = told_.at(static_cast<std::size_t>(clock));
    std::size_t index = told.end == end ? told.count : 0;
    while (index < ahead_.size() && ahead_[index] >= span)
        ++index;
    return index;
}

std::optional<ExpiryNotices::Notice> ExpiryNotices::due(Clock clock, Duration span, BootClock::time_point end,
                                                        BootClock::time_point now) {
    const std::size_t first = to_tell(clock, span, end);
    std::size_t index = first;
    while (index < ahead_.size() && end - ahead_[index] <= now)
        ++index;
    told_.at(static_cast<std::size_t>(clock)) = {end, index};
    // Several at once, after the host has slept: one is enough. One whose end has come is no news.
    if (index == first || end <= now)
        return std::nullopt;
    return Notice{clock, end};
}

std::optional<BootClock::time_point> ExpiryNotices::next(Clock clock, Duration span,
                                                         BootClock::time_point end) const {
    const std::size_t index = to_tell(clock, span, end);
    return index < ahead_.size() ? std::optional(end - ahead_[index]) : std::nullopt;
}

} // namespace sandbox::manager
