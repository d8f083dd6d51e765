#include "sandbox/kernel/namespace.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/kernel/process.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <new>

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sandbox::kernel {

namespace {

Error namespace_error(int error_number, const std::string& what, const std::string& kind) {
    return errno_error(error_number, what, namespace_cure(error_number, kind));
}

/// The descriptor that `open` opens in a helper process, which shares the caller's descriptors and ends with
/// it; a negative one is a failure, told by errno.
template <typename Open>
UniqueFd open_in_helper(int cgroup_fd, const Open& open, const std::string& failure, const char* kind) {
    void* memory = ::mmap(nullptr, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        throw_errno("mmap");
    const std::unique_ptr<int, void (*)(int*)> opened(new (memory) int(-1),
                                                      [](int* page) { ::munmap(page, sizeof(int)); });
    // CLONE_FILES: the descriptor that the child opens is the caller's too.
    const CloneResult clone = clone_process(CLONE_FILES | CLONE_VFORK, cgroup_fd);
    if (clone.pid == 0) {
        *opened = open();
        ::_exit(*opened >= 0 ? 0 : errno);
    }
    UniqueFd fd(*opened);
    int status = 0;
    while (::waitpid(clone.pid, &status, 0) < 0)
        if (errno != EINTR)
            throw_errno("waitpid");
    if (!fd)
        throw namespace_error(WIFEXITED(status) ? WEXITSTATUS(status) : EINTR, failure, kind);
    return fd;
}

} // namespace

std::string namespace_cure(int error_number, const std::string& kind) {
    switch (error_number) {
    case ENOSPC: // namespaces(7)
    case EUSERS:
        return "Raise the sysctl user.max_" + kind + "_namespaces: it is 0, or used up.";
    case EPERM:
        return "It takes CAP_SYS_ADMIN: run it as root, and not in a container that withholds it.";
    case EINVAL:
        return "The kernel was built without " + kind + " namespaces.";
    default:
        return {};
    }
}

UniqueFd open_namespace(pid_t pid, const std::string& kind) {
    return open_fd("/proc/" + std::to_string(pid) + "/ns/" + kind, O_RDONLY);
}

UniqueFd open_own_namespace(const std::string& kind) {
    return open_fd("/proc/thread-self/ns/" + kind, O_RDONLY);
}

std::uint64_t namespace_inode(int ns_fd) {
    struct stat status {};
    if (::fstat(ns_fd, &status) != 0)
        throw_errno("cannot look at a namespace");
    return status.st_ino;
}

NetnsGuard::NetnsGuard(int netns_fd) : back_(open_own_namespace("net")) {
    if (::setns(netns_fd, CLONE_NEWNET) != 0)
        throw_errno("cannot enter a network namespace");
}

NetnsGuard::~NetnsGuard() {
    if (::setns(back_.get(), CLONE_NEWNET) != 0) {
        log::error("cannot go back to the own network namespace");
        std::abort();
    }
}

UniqueFd new_network_namespace() {
    const NetnsGuard back_here(open_own_namespace("net").get());
    if (::unshare(CLONE_NEWNET) != 0)
        throw namespace_error(errno, "cannot make a network namespace", "net");
    return open_own_namespace("net");
}

UniqueFd new_cgroup_namespace(int cgroup_fd) {
    // The kernel takes the maker's own cgroup as the root, so somebody must be in it at that moment. A
    // process that is born there and ends there costs a fraction of a move: each move waits for an RCU grace
    // period.
    return open_in_helper(
        cgroup_fd,
        [] {
            return ::unshare(CLONE_NEWCGROUP) == 0
                       ? ::open("/proc/thread-self/ns/cgroup", O_RDONLY | O_CLOEXEC)
                       : -1;
        },
        "cannot make a cgroup namespace", "cgroup");
}

std::string read_user_sysctl(int user_ns_fd, const std::string& name) {
    // Who has entered a user namespace cannot come back, so a helper goes.
    const std::string path = "/proc/sys/" + name;
    const UniqueFd file = open_in_helper(
        -1,
        [&] {
            return ::setns(user_ns_fd, CLONE_NEWUSER) == 0 ? ::open(path.c_str(), O_RDONLY | O_CLOEXEC) : -1;
        },
        "cannot read " + path + " of a user namespace", "user");
    std::array<char, 64> text{};
    const ssize_t size = ::read(file.get(), text.data(), text.size());
    if (size < 0)
        throw_errno("cannot read " + path + " of a user namespace");
    std::string value(text.data(), static_cast<std::size_t>(size));
    while (value.ends_with('\n'))
        value.pop_back();
    return value;
}

void pin_namespace(int ns_fd, const std::string& path) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400));
    if (!file) {
        if (errno == EEXIST)
            throw Error(Errc::conflict, path + " is there already", "remove it when nothing uses it");
        throw_errno("cannot make " + path);
    }
    const std::string source = "/proc/self/fd/" + std::to_string(ns_fd);
    if (::mount(source.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) != 0) {
        const Error error = errno_error(errno, "cannot pin a namespace at " + path);
        ::unlink(path.c_str());
        throw error;
    }
}

void unpin_namespace(const std::string& path) {
    if (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0 && errno != EINVAL && errno != ENOENT)
        throw_errno("cannot unpin " + path);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        throw_errno("cannot remove " + path);
}

UniqueFd open_pinned_namespace(const std::string& path) {
    UniqueFd pinned(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    struct statfs status {};
    if (!pinned || ::fstatfs(pinned.get(), &status) != 0 || status.f_type != NSFS_MAGIC)
        return {};
    return pinned;
}

void write_net_sysctl(int netns_fd, const std::string& name, const std::string& value) {
    // /proc/sys/net shows the namespace of the thread that opens a file in it.
    const NetnsGuard inside(netns_fd);
    const std::string path = "/proc/sys/" + name;
    const UniqueFd file = open_fd(path, O_WRONLY);
    write_all(file.get(), value, path);
}

void disable_ipv6(int netns_fd) {
    if (::access("/proc/sys/net/ipv6", F_OK) != 0)
        return; // a kernel without it
    for (const char* which : {"all", "default"})
        write_net_sysctl(netns_fd, std::string("net/ipv6/conf/") + which + "/disable_ipv6", "1");
}

} // namespace sandbox::kernel
