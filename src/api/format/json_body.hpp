#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace sandbox::api {

/// A body as JSON. Throws nlohmann::json::exception where it is none, and Error invalid_argument for a key
/// that stands twice in one object: one of the two would be passed over.
nlohmann::json parse_json_body(const std::string& body);

} // namespace sandbox::api
