#pragma once

#include "sandbox/policy/loader.hpp"

#include <string>
#include <vector>

namespace sandbox::ctl {

/// The site's settings, of which the defaults count where the file is not there.
policy::Site settings_of(const std::string& config);

struct CheckedFile {
    std::string kind;   ///< "policy", "tenant", "site settings", "seccomp profile"
    std::string digest; ///< policies only
};

/// Reads and checks a file as what its place says that it is: `tenants…/NAME.toml`, `sandboxd.toml`,
/// `seccomp/NAME.json`, else a policy, whose base and profile may be in `folders`. Throws Error with the
/// file, the line and the field.
CheckedFile check_file(const std::string& path, const policy::PolicyFolders& folders);

/// A program of this project: beside this one, in the `sbin`, `libexec` or build folders around it, or on the
/// PATH. Throws Error not_found with the places.
std::string find_program(const std::string& name);

/// execv(3) of a program: does not return. Throws Error.
[[noreturn]] void become_program(const std::string& path, const std::vector<std::string>& arguments);

} // namespace sandbox::ctl
