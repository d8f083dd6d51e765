#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::chimerax {

/// A command's answer, the same for every release of ChimeraX.
struct CommandResult {
    struct Failure {
        std::string type; ///< "UserError", …
        std::string message;
    };
    std::vector<std::string>
        values; ///< one JSON text for each command that ran ("null" when it returned nothing)
    std::vector<std::string> note, warning, error_log, bug;
    std::optional<Failure> error;

    /// No error, and nothing in the logs of errors and bugs.
    bool ok() const { return !error && error_log.empty() && bug.empty(); }
};

/// Reads the body of a reply to /run under `json true`. Bare NaN and Infinity, which Python writes, become
/// null. Throws Error engine for anything else than ChimeraX's answer.
CommandResult parse_command_result(std::string_view body);

/// `/run?command=…` with each command percent-encoded.
std::string run_target(const std::vector<std::string>& commands);

/// Whether a target of /run holds the command `exit` or `quit`, alone or among others. ChimeraX then answers
/// nothing, and aborts about a second later: an end that was asked for, and looks like a crash.
bool asks_exit(std::string_view target);

} // namespace sandbox::chimerax
