#pragma once

#include "sandbox/async/notifier.hpp"
#include "sandbox/base/duration.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace sandbox::manager {

/// What the callers who are sent away are told. Pure: the time is an argument.
///
/// From a full queue an entry leaves at its deadline at the latest, whether it got a place or not. So the
/// first who is sent away is told the nearest deadline, the next one the second nearest, and so on: when they
/// come back as told, there is room for each. It is an upper bound that holds unless somebody who was not
/// told comes in between. Beyond the queue's length all are told the last deadline, so that a caller who
/// knocks without end does not drive the times of others up.
///
/// Who does not want to wait in the queue gets an estimate: the mean time between the last ends, times those
/// who wait before him.
class RetryAfter {
  public:
    /// `openings`: the deadlines, the nearest first, not empty. `scope`: whose queue it is.
    std::chrono::seconds tell(const std::string& scope, const std::vector<SteadyTime>& openings,
                              SteadyTime now);
    /// There is room: whoever was told a time finds it now.
    void forget(const std::string& scope) { told_.erase(scope); }
    /// The same as `tell`, without a promise.
    std::chrono::seconds next(const std::string& scope, const std::vector<SteadyTime>& openings,
                              SteadyTime now);

    /// A place has become free.
    void freed(SteadyTime now);
    /// 1 s to 5 min; 30 s where nothing has ended yet.
    std::chrono::seconds estimate(std::size_t waiting, SteadyTime now) const;

  private:
    std::map<std::string, std::deque<SteadyTime>> told_; ///< of each scope, those that have not passed
    std::deque<SteadyTime> freed_;                       ///< the last ones
};

} // namespace sandbox::manager
