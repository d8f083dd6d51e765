#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sandbox::policy {

/// Letters, digits and `_`, not a digit first, at most 128.
bool is_environment_name(std::string_view name);

/// Whether a name, or the names that a `…*` stands for, steer the dynamic linker, libc, Python or what the
/// launcher sets itself: no caller may set these.
bool is_reserved_environment(std::string_view pattern);

/// Whether one of the patterns (a name, or the beginning of names and `*`) takes the name.
bool environment_allows(const std::vector<std::string>& patterns, std::string_view name);

} // namespace sandbox::policy
