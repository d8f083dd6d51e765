#pragma once

#include <string>
#include <vector>

namespace sandbox {

/// A hard limit of a process that is too low for the work of a service.
struct LowLimit {
    std::string what; ///< "Max open files is 256"
    std::string cure;
};

/// Of the process `pid`, a number or "self", as /proc/PID/limits has it (proc(5)). Empty where that is not
/// there.
std::vector<LowLimit> low_limits(const std::string& pid = "self", const std::string& proc = "/proc");

/// Tells of those of this process in its log, after its start.
void warn_of_low_limits();

} // namespace sandbox
