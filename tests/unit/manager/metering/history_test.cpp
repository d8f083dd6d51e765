#include "manager/metering/history.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using namespace std::chrono_literals;

namespace {

const BootClock::time_point kStart{1h};

Sample sample_of(std::uint64_t memory, std::chrono::microseconds cpu) {
    Sample sample;
    sample.memory = Bytes{memory};
    sample.cpu = cpu;
    return sample;
}

} // namespace

TEST_CASE("an hour of a session takes at most 9 KiB, at 10 s a point") {
    CHECK(sizeof(History) <= 9 * 1024);
    CHECK(History::kStep * History::kPoints == 1h);
}

TEST_CASE("a point has the average of its step, and what was at its end") {
    History history;
    CHECK_FALSE(history.end().has_value());
    Sample sample = sample_of(1 * 1024 * 1024, 0us);
    sample.io_read = Bytes{0};
    history.note(sample, kStart);
    history.note(sample_of(9 * 1024 * 1024, 1s), kStart + 5s);
    CHECK(history.points().empty());
    sample = sample_of(2 * 1024 * 1024, 5s);
    sample.io_read = Bytes{1024 * 1024};
    sample.pids = 12;
    sample.memory_pressure = 1.25;
    history.note(sample, kStart + 10s);
    const std::vector<HistoryPoint> points = history.points();
    REQUIRE(points.size() == 1);
    CHECK(points[0].cpus == 0.5);
    CHECK(points[0].memory == 2_MiB);
    CHECK(points[0].pids == 12U);
    CHECK(*points[0].io_read_rate == Approx(104857.6).margin(1024));
    CHECK_FALSE(points[0].io_written_rate.has_value());
    CHECK(*points[0].memory_pressure == Approx(1.25));
    CHECK_FALSE(points[0].cpu_pressure.has_value());
    CHECK(history.end() == kStart + 10s);
}

TEST_CASE("readings that come a little late do not shift the steps, and rates are of the true time") {
    History history;
    for (int i = 0; i <= 60; ++i)
        history.note(sample_of(0, i * 1100ms / 2), kStart + i * 1100ms);
    CHECK(history.points().size() == 6);
    CHECK(history.end() == kStart + 60s);
    for (const HistoryPoint& point : history.points())
        CHECK(*point.cpus == Approx(0.5));
}

TEST_CASE("steps without a reading are points without values") {
    History history;
    history.note(sample_of(0, 0s), kStart);
    history.note(sample_of(4096, 20s), kStart + 40s);
    const std::vector<HistoryPoint> points = history.points();
    REQUIRE(points.size() == 4);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK_FALSE(points[i].cpus.has_value());
        CHECK_FALSE(points[i].memory.has_value());
    }
    CHECK(points[3].cpus == 0.5);
    history.note(sample_of(0, 20s), kStart + 100h);
    CHECK(history.points().size() == History::kPoints);
    CHECK_FALSE(history.points().front().memory.has_value());
    CHECK(history.points().back().memory == Bytes{0});
}

TEST_CASE("after an hour the oldest point goes for each new one") {
    History history;
    for (std::uint64_t i = 0; i <= History::kPoints + 10; ++i)
        history.note(sample_of(i * 1024, 0s), kStart + i * 10s);
    const std::vector<HistoryPoint> points = history.points();
    REQUIRE(points.size() == History::kPoints);
    CHECK(points.front().memory == Bytes{11 * 1024});
    CHECK(points.back().memory == Bytes{(History::kPoints + 10) * 1024});
}

TEST_CASE("what is too large for a point is its largest, and a counter that falls is no rate below 0") {
    History history;
    Sample sample = sample_of(0, 10s);
    history.note(sample, kStart);
    sample.memory = Bytes{std::uint64_t{1} << 60};
    sample.cpu = 1s;
    sample.pids = 1'000'000;
    history.note(sample, kStart + 10s);
    const HistoryPoint point = history.points().at(0);
    CHECK(point.memory > Bytes{std::uint64_t{1} << 41});
    CHECK(point.pids == 65534U);
    CHECK(point.cpus == 0.0);
}
