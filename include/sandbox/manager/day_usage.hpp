#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace sandbox::manager {

/// What a tenant's sessions have used in one day.
struct DayUsage {
    std::string tenant;
    std::string day;            ///< of UTC, as 2026-01-31
    std::uint64_t sessions = 0; ///< that were made
    double session_seconds = 0; ///< that they had a sandbox, frozen or not
    std::chrono::microseconds cpu{0};
    /// memory.current times its time, as it was sampled; none where the host has no memory controller.
    std::optional<double> memory_byte_seconds;
};

} // namespace sandbox::manager
