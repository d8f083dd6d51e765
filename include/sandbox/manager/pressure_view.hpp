#pragma once

#include "sandbox/base/bytes.hpp"
#include "sandbox/base/duration.hpp"
#include "sandbox/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sandbox::manager {

/// One measure of the host's load, beyond whose limit nothing starts.
struct Gate {
    std::string name; ///< stable, as `memory_available`
    std::string unit; ///< "bytes", "percent" or "descriptors"
    bool on = false;  ///< the site wants it and the host can measure it
    bool open = true; ///< always, where it is off
    std::optional<double> value, limit;
    bool value_below_limit = false; ///< closed below the limit; else closed above it
    std::string note;               ///< why it is off, where it is
};

/// How much room this host has at one moment: data, from which the API makes GET /v1/pressure.
struct PressureView {
    /// Why a create would be refused now, with the time that it would be told; none: it gets a place, or one
    /// in the queue.
    std::optional<Retry> refuses;
    std::vector<Gate> gates;
    std::uint64_t sessions = 0, sessions_max = 0;
    Bytes memory_promised, memory_max; ///< the sum of the sessions' limits, and its bound
    double memory_overcommit = 1;
    std::size_t starting = 0, starts_at_once = 0;
    std::size_t queue_length = 0, queue_max = 0; ///< sessions that wait for a place
    Duration queue_timeout{};
};

} // namespace sandbox::manager
