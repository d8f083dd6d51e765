#include "sandbox/base/watchdog.hpp"

#include <algorithm>
#include <cstdint>

#include <systemd/sd-daemon.h>

namespace sandbox {

Watchdog::Watchdog() : due_(std::chrono::steady_clock::now()) {
    std::uint64_t microseconds = 0;
    if (::sd_watchdog_enabled(0, &microseconds) > 0)
        interval_ = std::max(Duration(microseconds / 2000), Duration(1));
}

std::optional<Duration> Watchdog::left() const {
    if (!interval_)
        return std::nullopt;
    return std::max(std::chrono::ceil<Duration>(due_ - std::chrono::steady_clock::now()), Duration(0));
}

void Watchdog::feed() {
    const auto now = std::chrono::steady_clock::now();
    if (!interval_ || now < due_)
        return;
    ::sd_notify(0, "WATCHDOG=1");
    due_ = now + *interval_;
}

} // namespace sandbox
