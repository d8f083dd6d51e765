#pragma once

#include "ctl/context/context.hpp"

#include <string>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {

/// What the launcher sees of a sandbox, and who said so.
struct LauncherFacts {
    Json inspected;
    bool first_hand = false; ///< from the launcher itself, not by way of the manager
};

/// Root on the API's own host asks the launcher itself, at its socket beside the API's, so that a manager
/// that an attacker owns cannot say that all is well. Everybody else asks the API. Throws Error.
LauncherFacts ask_for_facts(const Context& context, const std::string& session);

/// Inspected, of the launcher that listens there as root. Throws Error: what it says, or unavailable.
Json ask_launcher(const std::string& socket_path, const std::string& session, Duration timeout);

} // namespace sandbox::ctl
