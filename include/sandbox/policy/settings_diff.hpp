#pragma once

#include "sandbox/policy/site.hpp"

#include <string>
#include <vector>

namespace sandbox::policy {

/// The settings in which two sites differ, by their names in sandboxd.toml.
struct SiteChange {
    std::vector<std::string> applied; ///< a running manager takes them
    std::vector<std::string> restart; ///< they are for the next start

    bool operator==(const SiteChange&) const = default;
};

SiteChange compare(const Site& in_force, const Site& next);

/// Takes from `next` what a running manager can, and leaves the rest.
void apply(Site& in_force, const Site& next);

/// The names of all settings that `compare` knows: tested against the schema.
std::vector<std::string> known_settings();

} // namespace sandbox::policy
