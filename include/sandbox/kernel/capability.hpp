#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace sandbox::kernel {

/// Clears all five sets of the calling thread: bounding, ambient, inheritable, permitted, effective, and
/// locks the securebits (capabilities(7)). For the child between clone and exec: no allocation, no throw; 0
/// or an errno.
int drop_all_capabilities() noexcept;

/// Gives up what a program that needs no privilege was started with: the ambient, inheritable, permitted and
/// effective sets of the calling thread. Unlike the above it needs no capability itself. Throws Error.
void give_up_capabilities();

/// Narrows the calling process to the named ones ("cap_sys_admin") in permitted, effective and bounding sets.
/// For the launcher's start. Names that the caller does not hold are left out.
void keep_only_capabilities(const std::vector<std::string>& names);

/// The five sets of a process, from /proc/PID/status.
struct CapabilitySets {
    std::uint64_t inheritable = 0, permitted = 0, effective = 0, bounding = 0, ambient = 0;
    bool empty() const { return (inheritable | permitted | effective | bounding | ambient) == 0; }
};
CapabilitySets capabilities_of(pid_t pid);

} // namespace sandbox::kernel
