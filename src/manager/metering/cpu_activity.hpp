#pragma once

#include "sandbox/base/duration.hpp"

#include <chrono>
#include <optional>

namespace sandbox::manager {

/// Whether a sandbox works by itself: a simulation goes on after the command that began it, and nobody asks
/// for anything meanwhile.
class CpuActivity {
  public:
    /// What it uses is looked at over at least this long, so that no single burst counts.
    static constexpr Duration kWindow = std::chrono::seconds(5);

    /// `used` is the CPU time of the sandbox so far. True, once in each window, where it used at least
    /// `threshold` CPUs in it on average.
    bool note(std::chrono::microseconds used, BootClock::time_point now, double threshold);

  private:
    std::optional<BootClock::time_point> since_;
    std::chrono::microseconds used_{0};
};

} // namespace sandbox::manager
