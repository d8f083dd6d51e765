#pragma once

#include "ctl/context/context.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace sandbox::ctl {

/// The session's facts and what the launcher saw of it, for people.
std::string inspect_text(const Terminal& terminal, const Json& session, const Json& inspected,
                         std::chrono::system_clock::time_point now);

/// The names of the capabilities in a mask of /proc/PID/status, as `00000000000000ff` (capabilities(7)).
std::vector<std::string> capability_names(const std::string& hex_mask);

} // namespace sandbox::ctl
