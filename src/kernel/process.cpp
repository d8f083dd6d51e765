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
        throw_errno("cannot clone a process");
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
