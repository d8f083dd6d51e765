#pragma once

#include "sandbox/base/duration.hpp"
#include "sandbox/manager/day_usage.hpp"
#include "sandbox/manager/stats.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sandbox::manager {

/// What one session has used. What is not in its tenant's account yet is open. Times are given from outside.
class UnbookedUsage {
  public:
    /// One that an earlier manager left: so much CPU time is in the account.
    void restore(std::chrono::microseconds booked_cpu) { cpu_ = booked_cpu_ = booked_cpu; }

    /// As it is now. Between two samples memory is taken as it was at the second; where they are further
    /// apart than a manager that samples lets them be, nobody looked, and the time counts for nothing.
    void note(const Sample& sample, BootClock::time_point now);
    /// All CPU time that it ever used, when it has ended.
    void note_cpu(std::chrono::microseconds cpu) { cpu_ = std::max(cpu_, cpu); }

    std::chrono::microseconds booked_cpu() const { return booked_cpu_; }

    /// Adds to the account what is open, and does not change what is.
    void add_to(DayUsage& account) const;
    /// It is in the account.
    void close();

  private:
    std::chrono::microseconds cpu_{0}, booked_cpu_{0};
    double seconds_ = 0;
    std::optional<double> memory_byte_seconds_;
    std::optional<BootClock::time_point> noted_at_;
};

/// Of all tenants, by day.
class UsageLedger {
  public:
    /// A year is looked back on from its end.
    static constexpr auto kKept = std::chrono::days(400);

    void add(DayUsage account);
    /// The one of that day, which is made where there is none.
    DayUsage& at(const std::string& tenant, const std::string& day);
    /// Of one tenant, from a day to a day, both with it; oldest first.
    std::vector<DayUsage> of(const std::string& tenant, std::string_view since, std::string_view until) const;
    /// Removes those of earlier days. True: there were any.
    bool forget_before(std::string_view day);

  private:
    std::map<std::pair<std::string, std::string>, DayUsage, std::less<>> accounts_; ///< by tenant and day
};

/// The day of UTC that it is then.
std::string day_of(std::chrono::system_clock::time_point time);

} // namespace sandbox::manager
