#pragma once

namespace sandbox {

/// Whose start it is.
enum class Program {
    service, ///< sandbox-launcher, sandboxd, sandbox-init: nothing of a caller's may steer them
    tool,    ///< sandboxctl: what its user set on purpose stays
};

/// Puts right what exec(2) handed down, as the first statement of main(): before a descriptor is opened, a
/// thread started or a word logged. Needs no memory and throws nothing; what cannot be put right stays
/// (low_limits.hpp tells of limits).
///
/// - Descriptors 0 to 2 that are closed become /dev/null, 0 for reading, 1 and 2 for writing: nothing that is
///   opened later takes their places, and gets log lines.
/// - Ignored signals, real-time ones too, get their default action, and none is blocked. In a tool SIGHUP,
///   SIGINT, SIGQUIT and SIGTSTP stay ignored: `nohup` and the `trap '' INT` of scripts mean it.
/// - Interval timers and alarms are off.
/// - The soft limit of descriptors goes up to the hard one. In a service the other soft limits do too, and
/// the
///   hard ones under which no work can be done at all (file size, CPU time, memory) are lifted where root
///   runs it. A stack is the kernel's 8 MiB: an unlimited one would change where all else lies. RLIMIT_CORE
///   stays, as a core holds secrets, and so do those of priorities.
/// - In a service the umask is 022, a working folder that is gone becomes `/`, and the personality is the
///   ordinary one: `setarch -R` would take address randomisation from all that it starts.
///
/// A tool keeps its limits, umask and working folder: what `ulimit` says is its user's word, as the files
/// that it makes are its user's, and without a working folder relative paths fail, as they should.
///
/// Not touched: the parent-death signal, which whoever starts the program sets on purpose, as the launcher
/// does for sandboxd; nice value, scheduling and CPU affinity of a service, which its unit may set (a sandbox
/// gets none of it: launcher/child_inheritance.hpp); capabilities (kernel/capability.hpp); and the
/// environment, of which nothing is handed on, as each exec gets one that was made for it.
void put_inheritance_right(Program program) noexcept;

/// All signals to their default action and none blocked: for a child before its exec. Async-signal-safe.
void reset_signals() noexcept;

/// Closes what was inherited beside 0 to 2 and the descriptors that LISTEN_FDS passes to this very process
/// (sd_listen_fds(3)): one that leaked could keep a namespace or a mount alive.
void close_leaked_descriptors() noexcept;

} // namespace sandbox
