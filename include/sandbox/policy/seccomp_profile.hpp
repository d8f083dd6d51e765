#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sandbox::policy {

enum class SeccompAction { allow, error, kill_process, kill_thread, log, trap };
enum class SeccompOperator { not_equal, less, less_equal, equal, greater_equal, greater, masked_equal };

struct SeccompArgument {
    unsigned index = 0;
    SeccompOperator op = SeccompOperator::equal;
    std::uint64_t value = 0;
    std::uint64_t value_two = 0; ///< masked_equal: (argument & value) == value_two
};

struct SeccompRule {
    std::vector<std::string> names;
    SeccompAction action = SeccompAction::allow;
    std::optional<unsigned> errno_value; ///< for error; EPERM unless given
    std::vector<SeccompArgument> arguments;
};

/// The OCI runtime specification's `linux.seccomp`, as far as this program takes it
/// (config-linux.md#seccomp).
struct SeccompProfile {
    SeccompAction default_action = SeccompAction::error;
    std::optional<unsigned> default_errno;
    std::vector<std::string> architectures; ///< SCMP_ARCH_X86_64 …; others are killed
    std::vector<SeccompRule> rules;
};

/// Reads and checks a profile. Throws Error invalid_argument with `origin` and the place in the document.
SeccompProfile parse_seccomp_profile(const std::string& json, const std::string& origin);

} // namespace sandbox::policy
