#pragma once

#include "sandbox/policy/trust.hpp"

#include <string>
#include <vector>

namespace sandbox::policy {

/// The text of a regular file, at most kMaxFileSize. With Trust::root_owned_only each part of the path from
/// the root on is opened without following a link (openat(2), O_NOFOLLOW), and owner and mode are checked on
/// the descriptors that are read from: nothing can be swapped in between. Throws Error denied with the part
/// at fault and the command that mends it.
std::string read_trusted_file(const std::string& path, Trust trust);

/// Whether a folder has anything of that name, a link too; false where the folder is not there. With
/// Trust::root_owned_only the folder is checked like that of a file that is read: else others could take a
/// file away, so that one below it counts. Throws Error as read_trusted_file does.
bool is_there(const std::string& path, Trust trust);

/// Names of `*.toml` in a folder without that ending, sorted. Throws Error where the folder cannot be read,
/// not_found where it is not there.
std::vector<std::string> list_toml_names(const std::string& dir);

} // namespace sandbox::policy
