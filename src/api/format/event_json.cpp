#include "api/format/event_json.hpp"

#include <nlohmann/json.hpp>

namespace sandbox::api {
namespace {

using Json = nlohmann::ordered_json;

std::string frame(std::uint64_t id, std::string_view type, const Json& data) {
    return "id: " + std::to_string(id) + "\nevent: " + std::string(type) +
           "\ndata: " + data.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n\n";
}

} // namespace

std::string event_text(const manager::Event& event) {
    Json data{{"type", to_text(event.type)},
              {"at", format_time(event.at)},
              {"session", event.session},
              {"tenant", event.tenant},
              {"state", to_text(event.state)}};
    if (event.previous)
        data["previous_state"] = to_text(*event.previous);
    if (event.reason)
        data["reason"] = to_text(*event.reason);
    if (event.type == manager::Event::Type::expiring) {
        data["clock"] = to_text(event.clock);
        data["expires_at"] = format_time(event.expires_at);
        data["seconds_left"] = static_cast<double>(event.left.count()) / 1000;
    }
    data["message"] = event.message;
    return frame(event.id, to_text(event.type), data);
}

std::string gap_text(std::uint64_t last_id) {
    return frame(
        last_id, "gap",
        {{"type", "gap"}, {"message", "Events before this one are no longer known: look at the sessions."}});
}

} // namespace sandbox::api
