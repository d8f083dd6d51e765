#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace sandbox::ctl {

using ArchiveFiles = std::vector<std::pair<std::string, std::string>>; ///< name and content

/// A tar archive (POSIX ustar) of files below `folder`, for their owner alone. Names are short: at most 99
/// bytes with the folder.
std::string make_tar(const std::string& folder, const ArchiveFiles& files,
                     std::chrono::system_clock::time_point time);

/// The same bytes as gzip (RFC 1952).
std::string gzip(const std::string& bytes);

} // namespace sandbox::ctl
