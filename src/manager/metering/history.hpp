#pragma once

#include "sandbox/base/duration.hpp"
#include "sandbox/manager/stats.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace sandbox::manager {

/// The last hour of one session, a point for each 10 s, in a fixed 9 KiB: kept for each live session, of
/// which there may be a thousand. Times are given from outside.
class History {
  public:
    static constexpr Duration kStep = std::chrono::seconds(10);
    static constexpr std::size_t kPoints = 360;

    /// A reading, as often as there is one; where a step ended since the last, its point is made from it.
    /// Steps without any reading are points without values.
    void note(const Sample& sample, BootClock::time_point now);

    /// Oldest first.
    std::vector<HistoryPoint> points() const;
    /// When the last point's step ended.
    std::optional<BootClock::time_point> end() const;

  private:
    static constexpr auto kNoCount = std::numeric_limits<std::uint32_t>::max();
    static constexpr auto kNoShare = std::numeric_limits<std::uint16_t>::max();

    struct Point {
        std::uint32_t memory_kib = kNoCount, cpu_milli = kNoCount;       ///< cpu: thousandths of one
        std::uint32_t io_read_kib = kNoCount, io_written_kib = kNoCount; ///< each second
        std::uint16_t pids = kNoShare;
        std::uint16_t memory_pressure = kNoShare, cpu_pressure = kNoShare, io_pressure = kNoShare; ///< 0.01 %
    };
    /// Where the step began: what rates are counted from.
    struct Start {
        BootClock::time_point at{}, read_at{};
        std::optional<std::chrono::microseconds> cpu;
        std::optional<Bytes> io_read, io_written;
    };

    Point point_of(const Sample& sample, double seconds) const;
    void push(const Point& point);
    static HistoryPoint view_of(const Point& point);

    std::optional<Start> start_;
    std::uint32_t count_ = 0, next_ = 0;
    std::array<Point, kPoints> points_;
};

static_assert(sizeof(History) <= 9 * 1024);

} // namespace sandbox::manager
