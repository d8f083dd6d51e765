#include "manager/metering/history.hpp"

#include <algorithm>
#include <cmath>

namespace sandbox::manager {
namespace {

/// The largest value means that there is none, so what is too large is the one before it.
template <typename Compact>
Compact compact(double value) {
    constexpr double kMost = static_cast<double>(std::numeric_limits<Compact>::max()) - 1;
    return static_cast<Compact>(std::llround(std::clamp(value, 0.0, kMost)));
}

/// Each second, where both are known.
template <typename Value, typename Number>
std::optional<double> rate(const std::optional<Value>& from, const std::optional<Value>& to, double seconds,
                           Number number) {
    if (!from || !to || seconds <= 0)
        return std::nullopt;
    return std::max(number(*to) - number(*from), 0.0) / seconds;
}

template <typename Compact>
Compact compact_or(const std::optional<double>& value, double scale, Compact none) {
    return value ? compact<Compact>(*value * scale) : none;
}

template <typename Compact>
std::optional<double> wide(Compact value, double scale, Compact none) {
    return value == none ? std::nullopt : std::optional(static_cast<double>(value) * scale);
}

} // namespace

History::Point History::point_of(const Sample& sample, double seconds) const {
    const auto micros = [](std::chrono::microseconds time) { return static_cast<double>(time.count()); };
    const auto bytes = [](Bytes size) { return static_cast<double>(size.value); };
    Point point;
    if (sample.memory)
        point.memory_kib = compact<std::uint32_t>(bytes(*sample.memory) / 1024);
    if (sample.pids)
        point.pids = compact<std::uint16_t>(static_cast<double>(*sample.pids));
    point.cpu_milli = compact_or(rate(start_->cpu, sample.cpu, seconds, micros), 1e-3, kNoCount);
    point.io_read_kib =
        compact_or(rate(start_->io_read, sample.io_read, seconds, bytes), 1.0 / 1024, kNoCount);
    point.io_written_kib =
        compact_or(rate(start_->io_written, sample.io_written, seconds, bytes), 1.0 / 1024, kNoCount);
    point.memory_pressure = compact_or(sample.memory_pressure, 100, kNoShare);
    point.cpu_pressure = compact_or(sample.cpu_pressure, 100, kNoShare);
    point.io_pressure = compact_or(sample.io_pressure, 100, kNoShare);
    return point;
}

void History::push(const Point& point) {
    points_[next_] = point;
    next_ = (next_ + 1) % kPoints;
    count_ = std::min<std::uint32_t>(count_ + 1, kPoints);
}

void History::note(const Sample& sample, BootClock::time_point now) {
    if (!start_) {
        start_ = {now, now, sample.cpu, sample.io_read, sample.io_written};
        return;
    }
    const auto steps = (now - start_->at) / kStep;
    if (steps < 1)
        return;
    for (std::int64_t missed = std::min<std::int64_t>(steps - 1, kPoints); missed > 0; --missed)
        push({});
    push(point_of(sample, std::chrono::duration<double>(now - start_->read_at).count()));
    start_ = {start_->at + steps * kStep, now, sample.cpu, sample.io_read, sample.io_written};
}

HistoryPoint History::view_of(const Point& point) {
    HistoryPoint view;
    view.cpus = wide(point.cpu_milli, 1e-3, kNoCount);
    if (point.memory_kib != kNoCount)
        view.memory = Bytes{std::uint64_t{point.memory_kib} * 1024};
    if (point.pids != kNoShare)
        view.pids = point.pids;
    view.io_read_rate = wide(point.io_read_kib, 1024, kNoCount);
    view.io_written_rate = wide(point.io_written_kib, 1024, kNoCount);
    view.memory_pressure = wide(point.memory_pressure, 0.01, kNoShare);
    view.cpu_pressure = wide(point.cpu_pressure, 0.01, kNoShare);
    view.io_pressure = wide(point.io_pressure, 0.01, kNoShare);
    return view;
}

std::vector<HistoryPoint> History::points() const {
    std::vector<HistoryPoint> views;
    views.reserve(count_);
    for (std::uint32_t i = 0; i < count_; ++i)
        views.push_back(view_of(points_[(next_ + kPoints - count_ + i) % kPoints]));
    return views;
}

std::optional<BootClock::time_point> History::end() const {
    return count_ > 0 ? std::optional(start_->at) : std::nullopt;
}

} // namespace sandbox::manager
