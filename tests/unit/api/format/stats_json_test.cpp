#include "api/format/stats_json.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using namespace sandbox::api;
using namespace std::chrono_literals;
using nlohmann::ordered_json;

TEST_CASE("what the host does not count is null, with all keys there") {
    manager::SessionView session;
    session.id = "abcdefghijklmnop";
    const ordered_json document = ordered_json::parse(stats_json(session, {}, false));
    CHECK(document["id"] == session.id);
    CHECK(document["sampled_at"].is_null());
    CHECK_FALSE(document.contains("history"));
    for (const char* group : {"usage", "memory", "cpu", "pids", "io", "pressure"}) {
        REQUIRE_FALSE(document.at(group).empty());
        for (const auto& figure : document[group])
            CHECK(figure.is_null());
    }
}

TEST_CASE("figures are in the units that their names say") {
    manager::SessionView session;
    session.enforced.memory_max = 1_GiB;
    manager::Stats stats;
    stats.sampled_at = std::chrono::system_clock::from_time_t(0);
    stats.sample.memory = Bytes{7};
    stats.sample.cpu = 1500ms;
    stats.sample.cpu_throttled = 20ms;
    stats.sample.oom_kills = 0;
    stats.sample.memory_pressure = 12.5;
    const ordered_json document = ordered_json::parse(stats_json(session, stats, false));
    CHECK(document["sampled_at"] == "1970-01-01T00:00:00.000Z");
    CHECK(document["usage"]["memory_bytes"] == 7);
    CHECK(document["memory"]["current_bytes"] == 7);
    CHECK(document["memory"]["limit_bytes"] == 1073741824);
    CHECK(document["memory"]["oom_kills"] == 0);
    CHECK(document["cpu"]["used_seconds"] == 1.5);
    CHECK(document["cpu"]["throttled_seconds"] == 0.02);
    CHECK(document["pressure"]["memory_some_avg10_percent"] == 12.5);
}

TEST_CASE("the history is a list a figure, and a gap is null") {
    manager::Stats stats;
    stats.history_step = 10s;
    stats.history_ends_at = std::chrono::system_clock::from_time_t(30);
    stats.history.resize(2);
    stats.history[1].cpus = 0.1 + 0.2;
    stats.history[1].memory = Bytes{4096};
    const ordered_json history = ordered_json::parse(stats_json({}, stats, true))["history"];
    CHECK(history["interval_seconds"] == 10);
    CHECK(history["ends_at"] == "1970-01-01T00:00:30.000Z");
    CHECK(history["cpus"].dump() == "[null,0.3]");
    CHECK(history["memory_bytes"].dump() == "[null,4096]");
    CHECK(history["io_pressure_percent"].dump() == "[null,null]");
}
