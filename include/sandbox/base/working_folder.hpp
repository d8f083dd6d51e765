#pragma once

#include <string>

namespace sandbox {

/// Throws Error not_found for a relative path where the working folder is gone: "no such file" alone would
/// send its user to look for the file.
void check_working_folder(const std::string& path);

/// The path from the root on. Throws as check_working_folder does.
std::string absolute_path(const std::string& path);

} // namespace sandbox
