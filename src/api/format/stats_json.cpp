#include "api/format/stats_json.hpp"

#include "sandbox/base/duration.hpp"

#include <cmath>

#include <nlohmann/json.hpp>

namespace sandbox::api {
namespace {

using Json = nlohmann::ordered_json;
using manager::HistoryPoint;
using manager::Sample;

Json plain(const Bytes& size) {
    return size.value;
}

Json plain(const std::chrono::microseconds& time) {
    return std::chrono::duration<double>(time).count();
}

Json plain(const std::chrono::system_clock::time_point& time) {
    return format_time(time);
}

Json plain(std::uint64_t number) {
    return number;
}

/// Without the noise of the last digits of what was counted in thousandths.
Json plain(double number) {
    return std::round(number * 1e6) / 1e6;
}

template <typename T>
Json value_or_null(const std::optional<T>& value) {
    return value ? plain(*value) : Json(nullptr);
}

template <typename T>
Json list_of(const std::vector<HistoryPoint>& points, std::optional<T> HistoryPoint::*figure) {
    Json list = Json::array();
    for (const HistoryPoint& point : points)
        list.push_back(value_or_null(point.*figure));
    return list;
}

Json history(const manager::Stats& stats) {
    const std::vector<HistoryPoint>& points = stats.history;
    return {{"interval_seconds", std::chrono::duration<double>(stats.history_step).count()},
            {"ends_at", value_or_null(stats.history_ends_at)},
            {"cpus", list_of(points, &HistoryPoint::cpus)},
            {"memory_bytes", list_of(points, &HistoryPoint::memory)},
            {"pids", list_of(points, &HistoryPoint::pids)},
            {"io_read_bytes_per_second", list_of(points, &HistoryPoint::io_read_rate)},
            {"io_written_bytes_per_second", list_of(points, &HistoryPoint::io_written_rate)},
            {"memory_pressure_percent", list_of(points, &HistoryPoint::memory_pressure)},
            {"cpu_pressure_percent", list_of(points, &HistoryPoint::cpu_pressure)},
            {"io_pressure_percent", list_of(points, &HistoryPoint::io_pressure)}};
}

} // namespace

std::string stats_json(const manager::SessionView& session, const manager::Stats& stats, bool with_history) {
    const Sample& sample = stats.sample;
    const auto cpu_seconds = value_or_null(sample.cpu);
    Json document{{"id", session.id}, {"state", to_text(session.state)}};
    document["usage"] = {{"memory_bytes", value_or_null(sample.memory)},
                         {"memory_peak_bytes", value_or_null(sample.memory_peak)},
                         {"cpu_seconds", cpu_seconds},
                         {"pids", value_or_null(sample.pids)}};
    document["sampled_at"] = value_or_null(stats.sampled_at);
    document["memory"] = {{"current_bytes", value_or_null(sample.memory)},
                          {"peak_bytes", value_or_null(sample.memory_peak)},
                          {"limit_bytes", value_or_null(session.enforced.memory_max)},
                          {"anon_bytes", value_or_null(sample.memory_anon)},
                          {"file_bytes", value_or_null(sample.memory_file)},
                          {"shmem_bytes", value_or_null(sample.memory_shmem)},
                          {"swap_bytes", value_or_null(sample.memory_swap)},
                          {"oom_kills", value_or_null(sample.oom_kills)}};
    document["cpu"] = {{"used_seconds", cpu_seconds},
                       {"limit_cpus", value_or_null(session.enforced.cpus)},
                       {"throttled_seconds", value_or_null(sample.cpu_throttled)},
                       {"throttled_periods", value_or_null(sample.cpu_throttled_periods)}};
    document["pids"] = {{"current", value_or_null(sample.pids)},
                        {"limit", value_or_null(session.enforced.pids_max)}};
    document["io"] = {{"read_bytes", value_or_null(sample.io_read)},
                      {"written_bytes", value_or_null(sample.io_written)}};
    document["pressure"] = {{"memory_some_avg10_percent", value_or_null(sample.memory_pressure)},
                            {"cpu_some_avg10_percent", value_or_null(sample.cpu_pressure)},
                            {"io_some_avg10_percent", value_or_null(sample.io_pressure)}};
    if (with_history)
        document["history"] = history(stats);
    return document.dump();
}

} // namespace sandbox::api
