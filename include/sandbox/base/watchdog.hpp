#pragma once

#include "sandbox/base/duration.hpp"

#include <chrono>
#include <optional>

namespace sandbox {

/// The service manager's watchdog (sd_watchdog_enabled(3)). The loop that is watched feeds it itself, and no
/// thread does in its place: one that hangs is found so.
class Watchdog {
  public:
    /// As the environment says. It is due at once.
    Watchdog();

    /// For how long the loop may wait for other things; nullopt: as long as it likes, as nobody watches.
    std::optional<Duration> left() const;
    /// Says that the loop runs, where that is due: each half of the time after which the service manager
    /// takes it for hung.
    void feed();

  private:
    std::optional<Duration> interval_;
    std::chrono::steady_clock::time_point due_;
};

} // namespace sandbox
