#pragma once

#include "api/http/message.hpp"
#include "sandbox/base/duration.hpp"
#include "sandbox/manager/state.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::api {

/// A parameter that is RFC 3339 UTC, in the form of format_time; empty where it is absent.
std::string time_parameter(const Request& request, std::string_view name);
/// A parameter that is a day of UTC, as 2026-01-31; empty where it is absent. Throws Error invalid_argument.
std::string day_parameter(const Request& request, std::string_view name);
/// A parameter that is 1 or true, 0 or false.
bool flag_parameter(const Request& request, std::string_view name);

/// A parameter in whole or broken seconds, 0 to `most`. Throws Error invalid_argument.
std::optional<Duration> seconds_parameter(const Request& request, std::string_view name, Duration most);
std::optional<std::uint64_t> count_parameter(const Request& request, std::string_view name,
                                             std::uint64_t most);
/// `ready,ended`. Throws Error invalid_argument for what is no state.
std::vector<manager::State> states_parameter(const Request& request, std::string_view name);

} // namespace sandbox::api
