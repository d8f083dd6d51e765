#pragma once

#include "context.hpp"

#include <string>
#include <vector>

namespace sandbox::ctl {

/// Scripts, and the files that come and go with them.
struct ScriptJob {
    std::vector<std::string> scripts; ///< command files (.cxc), or Python
    std::vector<std::string> in;      ///< files that the scripts find in /work
    std::vector<std::string> out;     ///< paths below /work that come into this folder
};

/// Before anything is made: what is sent has to be there, and each needs a name of its own in /work. Throws
/// Error.
void check_files(const ScriptJob& job);

/// Sends the files, runs the scripts up to the first command that fails, fetches what is wanted: the exit
/// status. Throws Error, also when `until` becomes readable.
int run_scripts(Context& context, const std::string& session, const ScriptJob& job, int until);

} // namespace sandbox::ctl
