#include "policy/schema/environment_name.hpp"

#include <algorithm>
#include <array>

namespace sandbox::policy {
namespace {

/// A name, or all that begin with it where it ends in `*`.
constexpr std::array<std::string_view, 21> kReserved{
    "LD_*",        "GLIBC_*",     "MALLOC_*",    "GCONV_PATH", "LOCPATH",        "NLSPATH",  "HOSTALIASES",
    "LOCALDOMAIN", "RES_OPTIONS", "GETCONF_DIR", "RESOLV_*",   "PYTHON*",        "HOME",     "PATH",
    "USER",        "LOGNAME",     "SHELL",       "TMPDIR",     "CHIMERAX_START", "BASH_ENV", "ENV"};

bool is_prefix(std::string_view pattern) {
    return pattern.ends_with('*');
}

std::string_view stem(std::string_view pattern) {
    return is_prefix(pattern) ? pattern.substr(0, pattern.size() - 1) : pattern;
}

/// Whether some name is taken by both.
bool overlap(std::string_view a, std::string_view b) {
    return (is_prefix(a) && stem(b).starts_with(stem(a))) || (is_prefix(b) && stem(a).starts_with(stem(b))) ||
           a == b;
}

} // namespace

bool is_environment_name(std::string_view name) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    return !name.empty() && name.size() <= 128 && letter(name[0]) &&
           std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

bool is_reserved_environment(std::string_view pattern) {
    return std::ranges::any_of(kReserved,
                               [&](std::string_view reserved) { return overlap(pattern, reserved); });
}

bool environment_allows(const std::vector<std::string>& patterns, std::string_view name) {
    return std::ranges::any_of(patterns, [&](const std::string& pattern) {
        return is_prefix(pattern) ? name.starts_with(stem(pattern)) : name == pattern;
    });
}

} // namespace sandbox::policy
