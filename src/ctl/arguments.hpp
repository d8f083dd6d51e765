#pragma once

#include <string>
#include <vector>

namespace sandbox::ctl {

/// ChimeraX commands have negative numbers (`turn y -30`), which no option of ours is: puts `--` before the
/// first behind the verb `exec`, so that it and all behind it are words of the command.
std::vector<std::string> end_options_at_number(std::vector<std::string> arguments);

} // namespace sandbox::ctl
