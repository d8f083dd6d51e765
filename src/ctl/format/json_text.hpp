#pragma once

#include "sandbox/base/duration.hpp"

#include <chrono>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace sandbox::ctl {

using Json = nlohmann::ordered_json;

/// The member at a path (`{"limits", "enforced"}`), or null.
const Json& member(const Json& object, std::initializer_list<const char*> path);

/// A member as a word for people: texts as they are, numbers short, `-` for null and for what is not there.
std::string word(const Json& object, std::initializer_list<const char*> path);

/// The items of a list as words, `, ` between them; "none" for an empty one.
std::string joined(const Json& list);

/// A member that counts bytes, as `1.5G`.
std::string bytes_word(const Json& object, std::initializer_list<const char*> path);

/// Rounded to three digits: `512M`, `1.46G`.
std::string short_bytes(double bytes);

/// `12s`, `5m`, `3h`, `2d`: the largest unit only.
std::string short_age(std::chrono::seconds age);

/// RFC 3339 in UTC, as the API writes it. None for anything else.
std::optional<std::chrono::system_clock::time_point> parse_time(const std::string& text);

/// How long ago a member's time was.
std::string age_word(const Json& object, std::initializer_list<const char*> path,
                     std::chrono::system_clock::time_point now);

} // namespace sandbox::ctl
