#pragma once

#include "sandbox/policy/site.hpp"

#include <string>
#include <vector>

namespace sandbox::ctl {

/// Writes the file of a tenant that may use these policies, every other key commented out at its default, and
/// returns its path. Throws Error for a name that is none, a policy that is not there, a file that is there
/// already, and a folder where the caller may not write; nothing is written then.
std::string write_new_tenant(const policy::Site& site, const std::string& name,
                             const std::vector<std::string>& policies);

/// The same for a policy that extends `base`, every other key commented out as `base` has it. A policy of the
/// vendor's may be extended by one of the same name.
std::string write_new_policy(const policy::PolicyFolders& folders, const std::string& name,
                             const std::string& base);

} // namespace sandbox::ctl
