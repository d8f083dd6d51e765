#include "launcher/build/child_inheritance.hpp"

#include "launcher/spec/limit_name.hpp"
#include "sandbox/base/error.hpp"

#include <array>
#include <cerrno>

#include <linux/ioprio.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sandbox::launcher {
namespace {

constexpr rlim_t kStack = rlim_t{8} << 20U; // the kernel's, _STK_LIM

/// False with errno where it may not.
bool raise_hard(pid_t child, int resource, rlim_t value) {
    const auto limit = static_cast<__rlimit_resource>(resource);
    rlimit now{};
    if (::prlimit(child, limit, nullptr, &now) != 0)
        return false;
    if (now.rlim_max >= value)
        return true;
    const rlimit wanted{value, value};
    return ::prlimit(child, limit, &wanted, nullptr) == 0;
}

void raise_limits(pid_t child, const SandboxSpec& spec) {
    for (const ResourceLimit& limit : spec.limits)
        if (!raise_hard(child, limit.resource, limit.value) && spec.strict)
            throw errno_error(errno,
                              "the launcher's hard limit is below " + std::to_string(limit.value) +
                                  " of policy " + spec.policy + ", " + limit_name(limit.resource).file_title,
                              std::string("Give the launcher ") + limit_name(limit.resource).unit_setting +
                                  "=infinity or CAP_SYS_RESOURCE, or lower the policy's.");
    // sandbox-init is one more.
    raise_hard(child, RLIMIT_NPROC, spec.pids_max + 1);
    const rlimit stack{kStack, RLIM_INFINITY};
    ::prlimit(child, RLIMIT_STACK, &stack, nullptr);
}

void reset_scheduling(pid_t child) {
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(child), 0);
    const sched_param ordinary{};
    ::sched_setscheduler(child, SCHED_OTHER, &ordinary);
    ::syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, child, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_NONE, 0));
    // As the kernel has it: a mask of more CPUs than cpu_set_t holds is copied whole.
    std::array<unsigned long, 1024> cpus{};
    const long size = ::syscall(SYS_sched_getaffinity, 1, sizeof cpus, cpus.data());
    if (size > 0)
        ::syscall(SYS_sched_setaffinity, child, size, cpus.data());
}

} // namespace

void put_inheritance_of_child_right(pid_t child, const SandboxSpec& spec) {
    raise_limits(child, spec);
    reset_scheduling(child);
}

} // namespace sandbox::launcher
