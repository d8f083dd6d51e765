#pragma once

#include "sandbox/base/error.hpp"
#include "sandbox/policy/loaded_policy.hpp"
#include "sandbox/policy/site.hpp"
#include "sandbox/policy/tenant.hpp"

#include <map>
#include <string>
#include <variant>
#include <vector>

namespace sandbox::policy {

/// All policies and tenants of a site as they were at one moment. A file that is wrong is its error.
struct Rulebook {
    std::map<std::string, std::variant<LoadedPolicy, Error>> policies;
    std::map<std::string, std::variant<Tenant, Error>> tenants;

    /// What is wrong with any of them, once each.
    std::vector<Error> errors() const;
};

/// Throws Error only where a folder cannot be read.
Rulebook read_rulebook(const Site& site, Trust trust);

/// All that a site's files say: what a reload puts in the place of what is in force.
struct SiteFiles {
    Site site;
    Rulebook rulebook;
    std::string digest; ///< the same for everyone who reads the same files
};

/// Reads the file of the site that is in force, and the policies and tenants in its folders (another folder
/// is for the next start). Throws Error invalid_argument where any file is wrong, a line for each: nothing is
/// taken half-way.
SiteFiles read_site_files(const Site& in_force, Trust trust);

} // namespace sandbox::policy
