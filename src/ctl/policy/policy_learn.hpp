#pragma once

#include "ctl/context/context.hpp"
#include "ctl/jobs/script_job.hpp"
#include "sandbox/policy/policy_folders.hpp"

#include <string>

namespace sandbox::ctl {

struct LearnWishes {
    std::string policy, tenant;
    std::string profile; ///< the file for the narrowed profile; empty: none
    ScriptJob job;       ///< without scripts, the session is the operator's until a signal comes
};

/// Makes a session whose system calls are counted, and says after its end which it made. Throws Error.
void learn_policy(Context& context, const policy::PolicyFolders& folders, const LearnWishes& wishes);

} // namespace sandbox::ctl
