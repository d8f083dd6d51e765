#pragma once

#include "sandbox/base/unique_fd.hpp"

#include <cstdint>
#include <optional>

#include <sys/types.h>

namespace sandbox::kernel {

struct CloneResult {
    pid_t pid = 0; ///< 0 in the child
    UniqueFd pidfd;
};

/// clone3(2) without shared memory, with CLONE_PIDFD, CLONE_INTO_CGROUP where `cgroup_fd` >= 0, and `flags`.
/// The child runs on the copied stack with all signal handlers reset; only a single-threaded process may call
/// this, as no at-fork handlers run.
CloneResult clone_process(std::uint64_t flags, int cgroup_fd);

/// pidfd_open(2); no descriptor when there is no such process.
UniqueFd open_pidfd(pid_t pid);

/// Sends to that very process: false when it is gone (pidfd_send_signal(2)).
bool send_signal(int pidfd, int signal);

/// A copy of the descriptor `number` of another process (pidfd_getfd(2)). Throws Error.
UniqueFd take_descriptor(int pidfd, int number);

/// Has it ended (a zombie counts)?
bool has_ended(int pidfd);

/// Field 22 of /proc/PID/stat, clock ticks since boot: with the pid, names one process for as long as the
/// machine runs. None when gone.
std::optional<std::uint64_t> start_time(pid_t pid);

/// Field 4 of /proc/PID/stat; 0 when it is gone.
pid_t parent_of(pid_t pid);

} // namespace sandbox::kernel
