#pragma once

#include "sandbox/policy/loader.hpp"
#include "sandbox/policy/seccomp_profile.hpp"

#include <string>
#include <vector>

namespace sandbox::policy {

/// A policy, its seccomp profile, and all that they were made of.
struct LoadedPolicy {
    struct Source {
        std::string path, text;
    };
    Policy policy;
    SeccompProfile seccomp;
    std::vector<Source> sources;
};

/// As `load_policy` and `load_seccomp_profile`.
LoadedPolicy load_whole_policy(const std::string& policies_dir, const std::string& name, Trust trust);

/// Do all its files still say the same, and are they still to be trusted? They are read again; what is not
/// done again is the parsing. Throws nothing: a load tells what is wrong.
bool still_holds(const LoadedPolicy& loaded, Trust trust);

} // namespace sandbox::policy
