#pragma once

#include "sandbox/policy/policy.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::policy {

/// Absolute, without empty, `.` and `..` parts, without control characters, below PATH_MAX.
bool is_normal_path(std::string_view path);

/// The shortest text that reads back as the same number.
std::string number_text(double number);

/// What is wrong with a policy as a whole: each field by itself is right already.
struct Complaint {
    std::string field;               ///< as `filesystem.binds[2]`
    std::string must;                ///< "must be …"
    std::vector<std::string> others; ///< fields that the rule looks at too
};
std::optional<Complaint> find_complaint(const Policy& policy);

/// The part of it that a caller's memory_max can break.
std::optional<Complaint> find_memory_complaint(const Policy& policy);

} // namespace sandbox::policy
