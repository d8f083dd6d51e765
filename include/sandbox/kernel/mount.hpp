#pragma once

#include "sandbox/base/unique_fd.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// The descriptor-based mount interface: fsopen(2), fsmount(2), open_tree(2), mount_setattr(2),
/// move_mount(2). Every call throws Error with the path or file system in its text.
namespace sandbox::kernel {

/// MOUNT_ATTR_* flags of mount_setattr(2).
struct MountAttributes {
    std::uint64_t set = 0;
    std::uint64_t clear = 0;
    bool make_private = false;
    bool recursive = false;
};

using MountOptions = std::vector<std::pair<std::string, std::string>>;

/// A new file system instance as a detached mount. An option with an empty value is a flag.
UniqueFd new_filesystem(const char* type, const MountOptions& options, std::uint64_t mount_attributes);

/// A detached copy of the mount at `path` below `dir_fd` (an empty path: of `dir_fd` itself), with all mounts
/// below it where `recursive`.
UniqueFd clone_mount(int dir_fd, const std::string& path, bool recursive);

void set_mount_attributes(int mount_fd, const MountAttributes& attributes, const std::string& name);

/// Attaches a detached mount at `path` below `dir_fd` (an empty path: on `dir_fd` itself). `path` is taken
/// without following a link in its last part.
void attach_mount(int mount_fd, int dir_fd, const std::string& path);

/// Makes the folder `new_root_fd` the root of this mount namespace and takes everything else away
/// (pivot_root(2), "." on ".").
void pivot_into(int new_root_fd);

} // namespace sandbox::kernel
