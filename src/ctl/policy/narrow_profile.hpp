#pragma once

#include "ctl/format/json_text.hpp"

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {

/// What a session's `end.system_calls` tells of its seccomp profile.
struct Learned {
    Json narrowed;                   ///< the profile, allowing what was used and no more
    std::vector<std::string> unused; ///< what the profile allows, and was not used; sorted
    /// Used, and not in it: the profile allows by default, and refuses these for some arguments. Sorted.
    std::vector<std::string> lost;
};

/// `profile` is one that `policy::parse_seccomp_profile` takes, `allowed` the names that were used. Its rules
/// that refuse stay as they are, and so do those on the arguments of what was used.
Learned narrow_profile(const Json& profile, const Json& allowed);

} // namespace sandbox::ctl
