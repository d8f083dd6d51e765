#pragma once

#include "launcher/spec/sandbox_spec.hpp"

#include <sys/types.h>

namespace sandbox::launcher {

/// Puts right what a sandbox in the making inherits of the launcher and what only root on the host may
/// change, so that a session is the same whoever started the launcher, and how:
/// - Hard limits below the policy's go up to these (the child then lowers what is above them); the stack is
///   the kernel's, and there may be as many processes as the policy says.
/// - Nice value 0, SCHED_OTHER, the default I/O priority, and the CPUs of the machine's first process, which
///   has those that the administrator leaves to ordinary work (isolcpus=, CPUAffinity= of systemd). Fewer
///   CPUs for sessions are a matter of their slice's cpuset.
/// Throws Error where a limit that the policy promises cannot be had and its enforcement is strict; with
/// best-effort the limit stays lower, and `sandboxctl verify` shows it. What else is not allowed stays.
void put_inheritance_of_child_right(pid_t child, const SandboxSpec& spec);

} // namespace sandbox::launcher
