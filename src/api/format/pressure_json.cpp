#include "api/format/pressure_json.hpp"

#include <nlohmann/json.hpp>

namespace sandbox::api {
namespace {

using Json = nlohmann::ordered_json;

Json number_or_null(const std::optional<double>& number) {
    return number ? Json(*number) : Json(nullptr);
}

Json gate_object(const manager::Gate& gate) {
    Json object{{"name", gate.name},
                {"state", !gate.on    ? "off"
                          : gate.open ? "open"
                                      : "closed"},
                {"unit", gate.unit},
                {"value", number_or_null(gate.value)},
                {gate.value_below_limit ? "at_least" : "at_most", number_or_null(gate.limit)}};
    if (!gate.note.empty())
        object["note"] = gate.note;
    return object;
}

} // namespace

std::string pressure_json(const manager::PressureView& view) {
    Json document{{"admitting", !view.refuses}};
    if (view.refuses) {
        document["reason"] = view.refuses->reason;
        document["retry_after_seconds"] = view.refuses->after.count();
    }
    document["sessions"] = {{"taken", view.sessions}, {"max", view.sessions_max}};
    document["memory"] = {{"promised_bytes", view.memory_promised.value},
                          {"max_bytes", view.memory_max.value},
                          {"overcommit", view.memory_overcommit}};
    document["starts"] = {{"now", view.starting}, {"max", view.starts_at_once}};
    document["queue"] = {{"length", view.queue_length},
                         {"max", view.queue_max},
                         {"timeout_seconds", std::chrono::duration<double>(view.queue_timeout).count()}};
    document["gates"] = Json::array();
    for (const manager::Gate& gate : view.gates)
        document["gates"].push_back(gate_object(gate));
    return document.dump();
}

} // namespace sandbox::api
