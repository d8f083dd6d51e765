#pragma once

#include <string>
#include <vector>

namespace sandbox::ctl {

/// ChimeraX commands have negative numbers (`turn y -30`), which no option of ours is: behind the verb
/// `exec`, such a word joins the one before it, as the words of a command are joined anyway.
std::vector<std::string> join_numbers(std::vector<std::string> arguments);

} // namespace sandbox::ctl
