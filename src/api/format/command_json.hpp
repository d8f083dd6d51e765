#pragma once

#include "api/http/message.hpp"
#include "sandbox/manager/command_list.hpp"

#include <string>
#include <vector>

namespace sandbox::api {

/// The answer to commands: what all of them said together, `results` of each, and which one `failed`. Values
/// are ChimeraX's own JSON as it came: no tree is built of them.
std::string command_json(const std::vector<std::string>& commands, const manager::CommandsRun& run,
                         double seconds);

/// The problem of a command whose answer is lost, with the `results` of those before it.
Response lost_problem(const std::vector<std::string>& commands, const manager::CommandsRun& run);

} // namespace sandbox::api
