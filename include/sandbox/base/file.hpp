#pragma once

#include "sandbox/base/unique_fd.hpp"

#include <string>
#include <string_view>

#include <sys/types.h>

namespace sandbox {

/// The whole of a file, at most `limit` bytes (more is Error too_large). `path` is relative to `dir_fd`,
/// which may be AT_FDCWD; links are followed.
std::string read_file(int dir_fd, const std::string& path, std::size_t limit = 16 << 20);
std::string read_file(const std::string& path, std::size_t limit = 16 << 20);

/// Writes all of `data` to a descriptor, restarting on EINTR. Throws Error io.
void write_all(int fd, std::string_view data, const std::string& name);

/// Replaces a file so that a reader, or a machine that loses power, sees the old or the new one whole:
/// a temporary file in the same folder, fsync, rename, fsync of the folder.
void write_file_atomically(const std::string& path, std::string_view data, mode_t mode);

/// open(2) with O_CLOEXEC that throws errno_error with the path in it.
UniqueFd open_fd(const std::string& path, int flags, mode_t mode = 0);
UniqueFd open_fd_at(int dir_fd, const std::string& path, int flags, mode_t mode = 0);

} // namespace sandbox
