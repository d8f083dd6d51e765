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
    /// Its values and messages: what it costs to keep it, beside its bytes.
    std::size_t entries() const;
};

/// A log of this many messages is no log; it would cost the reader far more memory than the reply has bytes.
inline constexpr std::size_t kMaxEntries = 100'000;

/// Reads the body of a reply to /run under `json true`, whatever Python's json.dumps can write: NaN and the
/// infinities become null, half a surrogate pair U+FFFD. A value that other readers would not take (more than
/// 1,000 levels, a number beyond a double, no JSON) is told as the string of its text. Values and messages
/// beyond `most_entries` are left out, which a warning says. Throws Error engine for anything else than
/// ChimeraX's answer.
CommandResult parse_command_result(std::string_view body, std::size_t most_entries = kMaxEntries);

/// What to do about a command that failed, where that is known from ChimeraX's own words; else empty. Today:
/// what it wanted from the network was not to be had.
std::string hint_of(const CommandResult& result);

/// `/run?command=…` with each command percent-encoded.
std::string run_target(const std::vector<std::string>& commands);

/// Whether a target of /run holds the command `exit` or `quit`, alone or among others. ChimeraX then answers
/// nothing, and aborts about a second later: an end that was asked for, and looks like a crash.
bool asks_exit(std::string_view target);

} // namespace sandbox::chimerax
