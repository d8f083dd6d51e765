#include "sandbox/kernel/process.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"

#include <cerrno>
#include <csignal>
#include <sstream>
#include <string>

#include <linux/sched.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sandbox::kernel {
namespace {

/// A number of /proc/PID/stat by its place in proc(5), from 4 on.
std::optional<std::uint64_t> stat_field(pid_t pid, int wanted) {
    std::string stat;
    try {
        stat = read_file("/proc/" + std::to_string(pid) + "/stat");
    } catch (const Error&) {
        return std::nullopt;
    }
    // The name in parentheses may hold anything, so count the fields from its end.
    const std::size_t end_of_name = stat.rfind(')');
    if (end_of_name == std::string::npos)
        return std::nullopt;
    std::istringstream rest(stat.substr(end_of_name + 1));
    std::string skipped;
    for (int field = 3; field < wanted; ++field)
        rest >> skipped;
    std::uint64_t number = 0;
    if (!(rest >> number))
        return std::nullopt;
    return number;
}

/// clone(2), errors.
std::string clone_cure(int error_number) {
    switch (error_number) {
    case EAGAIN:
        return "There are as many processes as there may be: see kernel.pid_max, kernel.threads-max, and "
               "pids.max of "
               "the cgroups above.";
    case ENOSPC:
    case EUSERS:
        return "Raise the sysctls user.max_mnt_namespaces, max_pid_namespaces, max_ipc_namespaces and "
               "max_uts_namespaces: one is 0, or used up.";
    case EPERM:
        return "It takes CAP_SYS_ADMIN: run it as root, and not in a container that withholds it.";
    case ENOSYS:
        return "clone3(2) is missing: a filter of a container hides it, or the kernel is older than 5.3.";
    default:
        return {};
    }
}

} // namespace

CloneResult clone_process(std::uint64_t flags, int cgroup_fd) {
    int pidfd = -1;
    struct clone_args args {};
    args.flags = flags | CLONE_PIDFD | CLONE_CLEAR_SIGHAND;
    args.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
    args.exit_signal = SIGCHLD;
    if (cgroup_fd >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = static_cast<std::uint64_t>(cgroup_fd);
    }
    const long pid = ::syscall(SYS_clone3, &args, sizeof args);
    if (pid < 0)
        throw errno_error(errno, "cannot clone a process", clone_cure(errno));
    return {static_cast<pid_t>(pid), UniqueFd(pid == 0 ? -1 : pidfd)};
}

UniqueFd open_pidfd(pid_t pid) {
    UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!pidfd && errno != ESRCH)
        throw_errno("cannot open process " + std::to_string(pid));
    return pidfd;
}

bool send_signal(int pidfd, int signal) {
    if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0)
        return true;
    if (errno == ESRCH)
        return false;
    throw_errno("cannot send signal " + std::to_string(signal));
}

UniqueFd take_descriptor(int pidfd, int number) {
    UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd, number, 0)));
    if (!fd)
        throw_errno("cannot take descriptor " + std::to_string(number) + " of another process");
    return fd;
}

bool has_ended(int pidfd) {
    pollfd entry{pidfd, POLLIN, 0};
    return ::poll(&entry, 1, 0) == 1;
}

std::optional<std::uint64_t> start_time(pid_t pid) {
    return stat_field(pid, 22);
}

pid_t parent_of(pid_t pid) {
    return static_cast<pid_t>(stat_field(pid, 4).value_or(0));
}

} // namespace sandbox::kernel
