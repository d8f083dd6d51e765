#include "sandbox/kernel/mount.hpp"

#include "sandbox/base/error.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sandbox::kernel {

UniqueFd new_filesystem(const char* type, const MountOptions& options, std::uint64_t mount_attributes) {
    const UniqueFd context(::fsopen(type, FSOPEN_CLOEXEC));
    if (!context)
        throw_errno(std::string("cannot open the file system ") + type);
    for (const auto& [key, value] : options) {
        const int result =
            value.empty() ? ::fsconfig(context.get(), FSCONFIG_SET_FLAG, key.c_str(), nullptr, 0)
                          : ::fsconfig(context.get(), FSCONFIG_SET_STRING, key.c_str(), value.c_str(), 0);
        if (result != 0)
            throw_errno(std::string(type) + " does not take the option " + key + "=" + value);
    }
    if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
        throw_errno(std::string("cannot create a file system ") + type);
    UniqueFd mount(::fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(mount_attributes)));
    if (!mount)
        throw_errno(std::string("cannot mount ") + type);
    return mount;
}

UniqueFd clone_mount(int dir_fd, const std::string& path, bool recursive) {
    const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? unsigned{AT_RECURSIVE} : 0U) |
                           (path.empty() ? unsigned{AT_EMPTY_PATH} : 0U);
    UniqueFd mount(::open_tree(dir_fd, path.c_str(), flags));
    if (!mount)
        throw_errno("cannot copy the mount " + (path.empty() ? "of a descriptor" : "of " + path));
    return mount;
}

void set_mount_attributes(int mount_fd, const MountAttributes& attributes, const std::string& name) {
    struct mount_attr attr {};
    attr.attr_set = attributes.set;
    attr.attr_clr = attributes.clear;
    attr.propagation = attributes.make_private ? std::uint64_t{MS_PRIVATE} : 0U;
    const unsigned flags = AT_EMPTY_PATH | (attributes.recursive ? unsigned{AT_RECURSIVE} : 0U);
    if (::mount_setattr(mount_fd, "", flags, &attr, sizeof attr) != 0)
        throw_errno("cannot set the attributes of the mount " + name);
}

void attach_mount(int mount_fd, int dir_fd, const std::string& path) {
    const unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | (path.empty() ? MOVE_MOUNT_T_EMPTY_PATH : 0U);
    if (::move_mount(mount_fd, "", dir_fd, path.c_str(), flags) != 0)
        throw_errno("cannot mount on " + path);
}

void pivot_into(int new_root_fd) {
    // With "." as both arguments the old root ends up stacked on the new one, where it can be taken off
    // without a folder to put it in.
    if (::fchdir(new_root_fd) != 0)
        throw_errno("cannot enter the new root");
    if (::syscall(SYS_pivot_root, ".", ".") != 0)
        throw_errno("cannot pivot into the new root");
    if (::umount2(".", MNT_DETACH) != 0)
        throw_errno("cannot take the old root away");
    if (::chdir("/") != 0)
        throw_errno("cannot enter the new root");
}

} // namespace sandbox::kernel
