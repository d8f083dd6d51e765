#pragma once

#include "context.hpp"
#include "script_job.hpp"

#include <string>

namespace sandbox::ctl {

struct LearnWishes {
    std::string policy, tenant;
    std::string profile; ///< the file for the narrowed profile; empty: none
    ScriptJob job;       ///< without scripts, the session is the operator's until a signal comes
};

/// Makes a session whose system calls are counted, and says after its end which it made. `folder` is that of
/// the policies. Throws Error.
void learn_policy(Context& context, const std::string& folder, const LearnWishes& wishes);

} // namespace sandbox::ctl
