#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace sandbox::policy {

/// What a (part of a) schema allows, in words that follow "must be".
std::string allowed_words(const nlohmann::json& schema);

/// `; did you mean "x"?` for the nearest key that the schema knows, or the list of all.
std::string known_words(const nlohmann::json& schema, std::string_view unknown);

/// Text from a file, short and without control characters.
std::string printable(std::string_view text);

} // namespace sandbox::policy
