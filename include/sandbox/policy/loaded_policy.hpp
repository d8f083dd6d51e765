#pragma once

#include "sandbox/policy/loader.hpp"
#include "sandbox/policy/seccomp_profile.hpp"

#include <string>

namespace sandbox::policy {

/// A policy and its seccomp profile, and the files of the two that count.
struct LoadedPolicy {
    Policy policy;
    SeccompProfile seccomp;
    std::string path, seccomp_path;
};

/// As `load_policy`.
LoadedPolicy load_whole_policy(const PolicyFolders& folders, const std::string& name, Trust trust);

/// The same for a file that is given by its path (`policy check FILE`). What it needs is looked for beside
/// it, then in `folders`.
LoadedPolicy load_policy_file(const std::string& path, const PolicyFolders& folders, Trust trust);

} // namespace sandbox::policy
