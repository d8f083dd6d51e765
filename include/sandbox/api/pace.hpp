#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace sandbox::api {

/// How long the other end of a connection may take over a body.
struct Patience {
    std::chrono::milliseconds pause = std::chrono::seconds(30); ///< without a byte
    /// From here on, on average at least so many bytes a second: who sends one a minute is not served for
    /// ever.
    std::chrono::milliseconds first = std::chrono::seconds(60);
    std::uint64_t least_rate = 1024;
};

/// The deadline of a body on its way, in or out: it starts anew with progress. There is none for the whole,
/// as a large file over a slow line takes its time.
class Pace {
  public:
    using Time = std::chrono::steady_clock::time_point;

    explicit Pace(const Patience& patience, Time now = std::chrono::steady_clock::now())
        : patience_(patience),
          started_(now) {}

    void moved(std::uint64_t bytes) { moved_ += bytes; }

    Time deadline(Time now = std::chrono::steady_clock::now()) const {
        const std::chrono::seconds earned(moved_ / patience_.least_rate);
        return std::min(now + patience_.pause, started_ + patience_.first + earned);
    }

  private:
    Patience patience_;
    Time started_;
    std::uint64_t moved_ = 0;
};

} // namespace sandbox::api
