#pragma once

#include "ctl/context/context.hpp"

#include <string>
#include <vector>

namespace sandbox::ctl {

/// How long a command may take where nobody says.
inline constexpr Duration kCommandTimeout = std::chrono::minutes(30);

/// The lines of a ChimeraX command file, `-` is standard input: empty ones and comments are left out. Throws
/// Error, invalid_argument naming `field` for a file without commands.
std::vector<std::string> commands_of_file(const std::string& path, const char* field);

/// What a command left in the log: notes on standard output, the rest on standard error; or the whole answer
/// as JSON. True when it went well.
bool show_result(const Context& context, const Json& result, bool as_json);

} // namespace sandbox::ctl
