// Part of sandbox-init too: no exceptions, no allocation, nothing but libc.
#include "sandbox/base/inheritance.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

namespace sandbox {
namespace {

constexpr int kSignals = 64;                // of the kernel's (signal(7)); SIGRTMAX leaves those of libc out
constexpr rlim_t kStack = rlim_t{8} << 20U; // _STK_LIM (include/uapi/linux/resource.h)

/// As rt_sigaction(2) has it where no handler is named: libc's sigaction(3) refuses the signals of its own,
/// 32 and 33, which can be inherited as well.
struct KernelAction {
    void (*handler)(int) = nullptr;
    unsigned long flags = 0;
    void (*restorer)() = nullptr;
    std::uint64_t mask = 0;
};

void set_action(int signal, void (*handler)(int)) {
    const KernelAction action{.handler = handler};
    ::syscall(SYS_rt_sigaction, signal, &action, nullptr, sizeof action.mask);
}

/// Only ignored signals are inherited (execve(2)); a handler is somebody's who is there already, a
/// sanitizer's for example.
void reset_ignored(int signal) {
    KernelAction old;
    if (::syscall(SYS_rt_sigaction, signal, nullptr, &old, sizeof old.mask) == 0 && old.handler == SIG_IGN)
        set_action(signal, SIG_DFL);
}

void unblock_signals() {
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void open_standard_descriptors() {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
            continue;
        // The lowest free number is this one, as those below are open.
        const int flags = fd == STDIN_FILENO ? O_RDONLY : O_WRONLY;
        if (::open("/dev/null", flags | O_NOCTTY) < 0)
            ::open("/", O_PATH); // holds the place where there is no /dev
    }
}

/// Their signals too: one that came while it was blocked is inherited as well.
void stop_timers() {
    const itimerval none{};
    for (const auto& [timer, signal] : {std::pair{ITIMER_REAL, SIGALRM}, std::pair{ITIMER_VIRTUAL, SIGVTALRM},
                                        std::pair{ITIMER_PROF, SIGPROF}}) {
        ::setitimer(timer, &none, nullptr);
        set_action(signal, SIG_IGN); // which forgets a pending one
        set_action(signal, SIG_DFL);
    }
}

void raise_limit(__rlimit_resource resource, bool lifts_hard) {
    const rlimit endless{RLIM_INFINITY, RLIM_INFINITY};
    if (lifts_hard && ::setrlimit(resource, &endless) == 0)
        return;
    rlimit limit{};
    if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(resource, &limit);
}

void raise_limits(bool lifts_hard) {
    for (const auto resource : {RLIMIT_FSIZE, RLIMIT_CPU, RLIMIT_AS, RLIMIT_DATA, RLIMIT_RSS})
        raise_limit(resource, lifts_hard);
    for (const auto resource :
         {RLIMIT_NPROC, RLIMIT_MEMLOCK, RLIMIT_SIGPENDING, RLIMIT_MSGQUEUE, RLIMIT_LOCKS, RLIMIT_RTTIME})
        raise_limit(resource, false);
    rlimit stack{};
    if (::getrlimit(RLIMIT_STACK, &stack) == 0) {
        stack.rlim_cur = std::min(kStack, stack.rlim_max);
        ::setrlimit(RLIMIT_STACK, &stack);
    }
}

void leave_lost_folder() {
    std::array<char, 4096> path{};
    if (::getcwd(path.data(), path.size()) == nullptr && errno == ENOENT && ::chdir("/") != 0)
        return; // it stays lost: relative paths fail
}

/// The number of LISTEN_FDS, where LISTEN_PID is this process.
unsigned passed_descriptors() {
    const auto number = [](const char* name) {
        const char* text = std::getenv(name);
        char* end = nullptr;
        const unsigned long value = text != nullptr ? std::strtoul(text, &end, 10) : 0;
        return text != nullptr && *text >= '0' && *text <= '9' && *end == '\0' ? value : 0;
    };
    constexpr unsigned long kMost = 4096;
    return number("LISTEN_PID") == static_cast<unsigned long>(::getpid())
               ? static_cast<unsigned>(std::min(number("LISTEN_FDS"), kMost))
               : 0;
}

} // namespace

void reset_signals() noexcept {
    for (int signal = 1; signal <= kSignals; ++signal)
        set_action(signal, SIG_DFL); // fails for SIGKILL and SIGSTOP, which nobody can change
    unblock_signals();
}

void put_inheritance_right(Program program) noexcept {
    open_standard_descriptors();
    stop_timers();
    for (int signal = 1; signal <= kSignals; ++signal) {
        const bool is_meant = signal == SIGHUP || signal == SIGINT || signal == SIGQUIT || signal == SIGTSTP;
        if (program == Program::service || !is_meant)
            reset_ignored(signal);
    }
    unblock_signals();
    raise_limit(RLIMIT_NOFILE, false);
    if (program == Program::tool)
        return;
    raise_limits(::geteuid() == 0);
    ::umask(022);
    leave_lost_folder();
    ::personality(PER_LINUX);
}

void close_leaked_descriptors() noexcept {
    ::close_range(3 + passed_descriptors(), ~0U, 0);
}

} // namespace sandbox
