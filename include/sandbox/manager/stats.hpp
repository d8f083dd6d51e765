#pragma once

#include "sandbox/base/bytes.hpp"
#include "sandbox/base/duration.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace sandbox::manager {

/// One reading of a session's control group, of all its processes together. What its host does not count (it
/// lacks the controller, or the kernel the file) is absent, never 0. Names in brackets are the kernel's files
/// (cgroup-v2.rst).
struct Sample {
    std::optional<Bytes> memory, memory_peak;                    ///< memory.current, memory.peak
    std::optional<Bytes> memory_anon, memory_file, memory_shmem; ///< memory.stat
    std::optional<Bytes> memory_swap;                            ///< memory.swap.current
    std::optional<std::uint64_t> oom_kills;                      ///< memory.events
    std::optional<std::chrono::microseconds> cpu, cpu_throttled; ///< cpu.stat: used, and waited at its limit
    std::optional<std::uint64_t> cpu_throttled_periods;
    std::optional<std::uint64_t> pids;        ///< pids.current
    std::optional<Bytes> io_read, io_written; ///< io.stat, all devices together
    /// Share of the last 10 s in which some task waited for it, in percent (PSI, "some avg10").
    std::optional<double> memory_pressure, cpu_pressure, io_pressure;
};

/// What is kept of one step of a session's history; averages over the step, or as it was at its end.
struct HistoryPoint {
    std::optional<double> cpus;                                       ///< average: 1 is one CPU all the time
    std::optional<Bytes> memory;                                      ///< at its end
    std::optional<std::uint64_t> pids;                                ///< at its end
    std::optional<double> io_read_rate, io_written_rate;              ///< average, bytes per second
    std::optional<double> memory_pressure, cpu_pressure, io_pressure; ///< at its end, percent
};

/// The figures of a session.
struct Stats {
    std::optional<std::chrono::system_clock::time_point> sampled_at; ///< none: there is no sandbox yet
    Sample sample;

    Duration history_step{};
    std::optional<std::chrono::system_clock::time_point>
        history_ends_at;               ///< the end of the last point's step
    std::vector<HistoryPoint> history; ///< oldest first, at most an hour
};

} // namespace sandbox::manager
