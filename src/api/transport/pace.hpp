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
    std::chrono::milliseconds whole = std::chrono::seconds(300); ///< for what is held in memory
};

/// Where a body is while it is on its way.
enum class Held {
    in_memory, ///< it has a time for the whole: a slow peer holds none of it for hours
    on_disk,   ///< it has none, as a large file over a slow line takes its time
};

/// The deadline of a body on its way, in or out: it starts anew with progress.
class Pace {
  public:
    using Time = std::chrono::steady_clock::time_point;

    Pace(const Patience& patience, Held held, Time now = std::chrono::steady_clock::now())
        : patience_(patience),
          held_(held),
          started_(now) {}

    void moved(std::uint64_t bytes) { moved_ += bytes; }

    Time deadline(Time now = std::chrono::steady_clock::now()) const {
        const std::chrono::seconds earned(moved_ / patience_.least_rate);
        const Time next = std::min<Time>(now + patience_.pause, started_ + patience_.first + earned);
        return held_ == Held::on_disk ? next : std::min<Time>(next, started_ + patience_.whole);
    }

  private:
    Patience patience_;
    Held held_;
    Time started_;
    std::uint64_t moved_ = 0;
};

} // namespace sandbox::api
