#pragma once

#include "sandbox/policy/loader.hpp"
#include "sandbox/policy/seccomp_profile.hpp"

#include <string>

namespace sandbox::policy {

/// A policy and its seccomp profile.
struct LoadedPolicy {
    Policy policy;
    SeccompProfile seccomp;
};

/// As `load_policy` and `load_seccomp_profile`.
LoadedPolicy load_whole_policy(const std::string& policies_dir, const std::string& name, Trust trust);

} // namespace sandbox::policy
