#pragma once

#include "ctl/jobs/scoped_session.hpp"

#include <optional>
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

/// Sends the files, runs the scripts up to the first command that fails, fetches what is there of what is
/// wanted, and ends the session with so long for ChimeraX to go by itself (none: as the policy says). What
/// ChimeraX prints meanwhile is shown. The exit status: where ChimeraX ended by itself, ChimeraX' own. Throws
/// Error, also when `until` becomes readable.
int run_scripts(Context& context, OwnSession& session, const ScriptJob& job, int until,
                std::optional<Duration> grace);

} // namespace sandbox::ctl
