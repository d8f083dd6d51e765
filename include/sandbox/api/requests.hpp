#pragma once

#include "sandbox/api/auth.hpp"
#include "sandbox/base/duration.hpp"
#include "sandbox/manager/manager.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::api {

/// Reads the body of POST /v1/sessions. A caller of role tenant may leave `tenant` out. Throws Error
/// invalid_argument with the field at fault: an unknown key, a wrong type, a value out of range; denied for
/// another's tenant.
manager::CreateRequest parse_create(const std::string& body, const Caller& caller);

struct CommandRequest {
    std::vector<std::string> commands;
    std::optional<Duration> timeout;
};

/// Reads the body of POST /v1/sessions/{id}/commands.
CommandRequest parse_commands(const std::string& body);

/// A parameter in whole or broken seconds, 0 to `most`. Throws Error invalid_argument.
std::optional<Duration> seconds_parameter(const Request& request, std::string_view name, Duration most);
std::optional<std::uint64_t> count_parameter(const Request& request, std::string_view name,
                                             std::uint64_t most);
/// `ready,ended`. Throws Error invalid_argument for what is no state.
std::vector<manager::State> states_parameter(const Request& request, std::string_view name);

} // namespace sandbox::api
