#include "api/format/json_body.hpp"

#include "sandbox/base/error.hpp"

#include <set>
#include <vector>

#include <nlohmann/json.hpp>

namespace sandbox::api {

nlohmann::json parse_json_body(const std::string& body) {
    using Json = nlohmann::json;
    std::vector<std::set<std::string>> open;
    const auto check = [&](int, Json::parse_event_t event, Json& parsed) {
        if (event == Json::parse_event_t::object_start)
            open.emplace_back();
        else if (event == Json::parse_event_t::object_end)
            open.pop_back();
        else if (event == Json::parse_event_t::key && !open.back().insert(parsed.get<std::string>()).second)
            throw Error(Errc::invalid_argument, "the field is given twice", "Give it once.",
                        parsed.get<std::string>());
        return true;
    };
    return Json::parse(body, check);
}

} // namespace sandbox::api
