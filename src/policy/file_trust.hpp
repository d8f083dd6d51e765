#pragma once

#include "sandbox/policy/loader.hpp"

#include <string>
#include <vector>

namespace sandbox::policy {

/// The text of a regular file, at most kMaxFileSize. With Trust::root_owned_only each part of the path from
/// the root on is opened without following a link (openat(2), O_NOFOLLOW), and owner and mode are checked on
/// the descriptors that are read from: nothing can be swapped in between. Throws Error denied with the part
/// at fault and the command that mends it.
std::string read_trusted_file(const std::string& path, Trust trust);

/// Names of `*.toml` in a folder without that ending, sorted. Throws Error where the folder cannot be read.
std::vector<std::string> list_toml_names(const std::string& dir);

} // namespace sandbox::policy
