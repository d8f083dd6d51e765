#include "manager/capacity/retry_after.hpp"

#include <algorithm>

namespace sandbox::manager {
namespace {

constexpr std::size_t kKeptEnds = 16;
constexpr std::chrono::seconds kUnknown{30}, kLeast{1}, kMost{300};
/// An entry leaves by a timer, which may be late.
constexpr Duration kMargin{200};

} // namespace

std::chrono::seconds RetryAfter::next(const std::string& scope, const std::vector<SteadyTime>& openings,
                                      SteadyTime now) {
    for (auto& [name, times] : told_)
        std::erase_if(times, [&](SteadyTime time) { return time <= now; });
    std::erase_if(told_, [](const auto& entry) { return entry.second.empty(); });
    const auto told = told_.find(scope);
    const std::size_t before = told == told_.end() ? 0 : told->second.size();
    const SteadyTime opening = openings.at(std::min(before, openings.size() - 1));
    return std::max(std::chrono::ceil<std::chrono::seconds>(opening + kMargin - now), kLeast);
}

std::chrono::seconds RetryAfter::tell(const std::string& scope, const std::vector<SteadyTime>& openings,
                                      SteadyTime now) {
    const std::chrono::seconds after = next(scope, openings, now);
    std::deque<SteadyTime>& told = told_[scope];
    if (told.size() < openings.size())
        told.push_back(now + after);
    return after;
}

void RetryAfter::freed(SteadyTime now) {
    freed_.push_back(now);
    if (freed_.size() > kKeptEnds)
        freed_.pop_front();
}

std::chrono::seconds RetryAfter::estimate(std::size_t waiting, SteadyTime now) const {
    if (freed_.empty())
        return kUnknown;
    const auto all = (now - freed_.front()) * static_cast<long>(waiting + 1);
    return std::clamp(std::chrono::ceil<std::chrono::seconds>(all / static_cast<long>(freed_.size())), kLeast,
                      kMost);
}

} // namespace sandbox::manager
