#pragma once

#include <string>
#include <vector>

namespace sandbox::ctl {

/// A field of two policies that is not the same in both.
struct FieldDifference {
    std::string field;    ///< dotted, as `resources.memory_max`
    std::string from, to; ///< as TOML; of arrays the items that the other has not; empty: not there

    bool operator==(const FieldDifference&) const = default;
};

/// Compares two policies in their effective form (policy::to_toml), in the order of the first.
std::vector<FieldDifference> policy_differences(const std::string& effective_from,
                                                const std::string& effective_to);

} // namespace sandbox::ctl
