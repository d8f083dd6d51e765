#include "api/format/pressure_json.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sandbox;
using nlohmann::json;

TEST_CASE("the pressure of a host says what is taken, of how much, and the state of each gate") {
    manager::PressureView view;
    view.sessions = 3;
    view.sessions_max = 10;
    view.memory_promised = 3_GiB;
    view.memory_max = 20_GiB;
    view.memory_overcommit = 2;
    view.starting = 1;
    view.starts_at_once = 8;
    view.queue_length = 4;
    view.queue_max = 256;
    view.queue_timeout = std::chrono::minutes(1);
    manager::Gate gate;
    gate.name = "disk_free";
    gate.unit = "bytes";
    gate.on = true;
    gate.value = 5;
    gate.limit = 4;
    gate.value_below_limit = true;
    view.gates.push_back(gate);
    gate.open = false;
    view.gates.push_back(gate);
    gate.on = false;
    gate.open = true;
    gate.value.reset();
    gate.value_below_limit = false;
    gate.note = "this host does not tell it";
    view.gates.push_back(gate);
    const json document = json::parse(api::pressure_json(view));
    CHECK(document == json::parse(R"({"admitting": true, "sessions": {"taken": 3, "max": 10},
        "memory": {"promised_bytes": 3221225472, "max_bytes": 21474836480, "overcommit": 2.0},
        "starts": {"now": 1, "max": 8}, "queue": {"length": 4, "max": 256, "timeout_seconds": 60.0},
        "gates": [{"name": "disk_free", "state": "open", "unit": "bytes", "value": 5.0, "at_least": 4.0},
                  {"name": "disk_free", "state": "closed", "unit": "bytes", "value": 5.0, "at_least": 4.0},
                  {"name": "disk_free", "state": "off", "unit": "bytes", "value": null, "at_most": 4.0,
                   "note": "this host does not tell it"}]})"));
}

TEST_CASE("a host that admits nobody says why and for how long") {
    manager::PressureView view;
    view.refuses = Retry{std::chrono::seconds(9), "queue_full"};
    const json document = json::parse(api::pressure_json(view));
    CHECK(document["admitting"] == false);
    CHECK(document["reason"] == "queue_full");
    CHECK(document["retry_after_seconds"] == 9);
}
