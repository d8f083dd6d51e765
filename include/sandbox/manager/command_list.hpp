#pragma once

#include "sandbox/base/duration.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/chimerax/command_result.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sandbox::manager {

/// Commands for one ChimeraX: each is a request of its own, up to the first that is not ok, and no other
/// request comes between them.
struct CommandList {
    std::vector<std::string> commands;
    Duration timeout{};                                  ///< for all of them, and the waits before
    std::function<bool()> goes_on = [] { return true; }; ///< before each but the first: somebody still waits
};

struct CommandsRun {
    struct Ran {
        chimerax::CommandResult result;
        std::chrono::steady_clock::duration took{}; ///< from its sending to its answer
    };
    std::vector<Ran> ran;      ///< those that were answered, in order
    std::optional<Error> lost; ///< why there is no answer of the next one

    /// The command that failed, or is lost.
    std::optional<std::size_t> failed() const {
        if (lost)
            return ran.size();
        return ran.empty() || ran.back().result.ok() ? std::nullopt : std::optional(ran.size() - 1);
    }
};

} // namespace sandbox::manager
