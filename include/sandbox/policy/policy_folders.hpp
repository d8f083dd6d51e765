#pragma once

#include <string>

namespace sandbox::policy {

/// The two layers of the policies. Of two files of the same name the admin's counts, also where another
/// policy extends that name, and of two seccomp profiles too; only a policy that extends its own name means
/// the one below it. Either folder may be missing, not both.
struct PolicyFolders {
    std::string admin;
    std::string vendor{}; ///< empty: there is no such layer
};

} // namespace sandbox::policy
