#pragma once

#include "standin/base/command.hpp"
#include "standin/base/logger.hpp"

#include <optional>
#include <string>
#include <vector>

namespace standin {

/// A Python exception, by its class' name.
struct CommandError {
    std::string type;
    std::string message;
};

/// What one request came to.
struct CommandOutcome {
    std::vector<Value> values;
    LogMessages messages;
    std::optional<CommandError> error;
};

/// The body under `json true`, keys and separators as Python's json.dumps writes them.
std::string json_body(const CommandOutcome& outcome);

} // namespace standin
