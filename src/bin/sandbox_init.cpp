// sandbox-init: PID 1 of a sandbox. It starts ChimeraX in payload/, holds its stdin, moves its output into a
// bounded log, reaps, and records how it ended. It has the session's uid and no privilege; that it is not
// dumpable keeps the tenant, who has the same uid, from its descriptors.
#include "init/config.hpp"
#include "init/engine.hpp"
#include "init/segment_log.hpp"
#include "sandbox/base/inheritance.hpp"
#include "sandbox/protocol/init_config.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <initializer_list>

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace wire = sandbox::protocol::init;
using namespace sandbox::init;

namespace {

void report_start(int error_number, const char* text) {
    wire::Status status{};
    status.step = wire::kExecStep;
    status.error_number = error_number;
    ::snprintf(status.text, sizeof status.text, "%s", text);
    if (::write(wire::kStatusFd, &status, sizeof status) != sizeof status)
        ::_exit(1); // the launcher is gone: nobody wants this sandbox
    ::close(wire::kStatusFd);
}

/// False at the end of the stream.
bool drain(int fd, SegmentLog& log) {
    static char buffer[65536];
    for (;;) {
        const ssize_t count = ::read(fd, buffer, sizeof buffer);
        if (count > 0)
            log.write(buffer, static_cast<std::size_t>(count));
        else if (count == 0)
            return false;
        else if (errno != EINTR)
            return errno == EAGAIN;
        if (count < static_cast<ssize_t>(sizeof buffer))
            return true; // leave time for signals when a tenant floods
    }
}

class Init {
  public:
    Init(const Config& config, int signal_fd)
        : config_(config),
          signal_fd_(signal_fd),
          logs_{SegmentLog(wire::kLogFds, wire::kLogFds + 1, config.segment_bytes),
                SegmentLog(wire::kLogFds + 2, wire::kLogFds + 3, config.segment_bytes)} {}

    int run() {
        const char* failed = "";
        const int error_number = start_engine(engine_, config_, failed);
        report_start(error_number, failed);
        if (error_number != 0)
            return 1;
        // After the word to the launcher, which need not wait for it.
        if (!leave_payload()) {
            constexpr char kText[] = "sandbox-init: cannot leave payload/\n";
            logs_[1].write(kText, sizeof kText - 1);
        }
        while (!(ending_ && engine_.pid == 0))
            step();
        return 0;
    }

  private:
    void step() {
        pollfd entries[3] = {
            {signal_fd_, POLLIN, 0}, {engine_.output_fds[0], POLLIN, 0}, {engine_.output_fds[1], POLLIN, 0}};
        if (::poll(entries, 3, -1) < 0) {
            // Nobody decides on this session's calls any more, an exit among them
            // (launcher/build/syscall_recorder.hpp).
            if (errno == ENOSYS)
                __builtin_trap();
            return;
        }
        for (int i = 0; i < 2; ++i)
            if (entries[i + 1].revents != 0 && !drain(engine_.output_fds[i], logs_[i])) {
                ::close(engine_.output_fds[i]);
                engine_.output_fds[i] = -1; // poll(2) passes over it
            }
        if (entries[0].revents != 0)
            take_signal();
    }

    void take_signal() {
        signalfd_siginfo info{};
        if (::read(signal_fd_, &info, sizeof info) != sizeof info)
            return;
        if (info.ssi_signo == SIGCHLD) {
            reap();
            return;
        }
        // A sender in this pid namespace has a pid here, and cannot forge SI_USER: only one outside shows as
        // 0 (signal(7)).
        if (info.ssi_code != SI_USER || info.ssi_pid != 0)
            return;
        switch (static_cast<int>(info.ssi_signo)) {
        case wire::kEndSignal:
            ending_ = true;
            if (engine_.stdin_fd >= 0)
                ::close(engine_.stdin_fd);
            engine_.stdin_fd = -1;
            break;
        case wire::kTerminateSignal:
            ::kill(-1, SIGTERM);
            break;
        case wire::kRestartSignal:
            restart();
            break;
        default:
            break;
        }
    }

    void reap() {
        int status = 0;
        for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;)
            if (pid == engine_.pid)
                engine_ended(status);
    }

    void engine_ended(int status) {
        // What it left behind must not outlive it: payload/ is to become empty, and the pipes are to come to
        // their end.
        ::kill(-1, SIGKILL);
        for (int i = 0; i < 2; ++i)
            if (engine_.output_fds[i] >= 0)
                drain(engine_.output_fds[i], logs_[i]);
        write_record(engine_, status);
        close_engine(engine_);
        engine_.pid = 0;
    }

    void restart() {
        if (ending_)
            return;
        if (engine_.pid != 0) {
            ::kill(-1, SIGKILL);
            int status = 0;
            while (engine_.pid != 0) {
                const pid_t pid = ::waitpid(-1, &status, 0);
                if (pid == engine_.pid)
                    engine_ended(status);
                else if (pid < 0 && errno != EINTR)
                    break;
            }
        }
        const char* failed = "";
        if (start_engine(engine_, config_, failed) != 0) {
            constexpr char kText[] = "sandbox-init: cannot start ChimeraX again\n";
            logs_[1].write(kText, sizeof kText - 1);
        }
    }

    const Config& config_;
    int signal_fd_;
    SegmentLog logs_[2];
    Engine engine_;
    bool ending_ = false;
};

/// Ends with the launcher until that says that the scope is there. The signal is blocked from before the
/// exec.
[[noreturn]] void hold() {
    sigset_t told;
    ::sigemptyset(&told);
    ::sigaddset(&told, wire::kHoldSignal);
    int signal = 0;
    if (::sigwait(&told, &signal) == 0)
        ::prctl(PR_SET_PDEATHSIG, 0);
    for (;;)
        ::pause();
}

} // namespace

int main(int, char** argv) {
    // Under this name it only keeps a cgroup of systemd's populated.
    if (argv[0] != nullptr && ::strcmp(argv[0], "sandbox-hold") == 0)
        hold();
    // First of all: from here on /proc/1 belongs to root, and no process of the same uid may trace it or open
    // its descriptors.
    if (::prctl(PR_SET_DUMPABLE, 0) != 0 || ::getpid() != 1) {
        ::fputs("sandbox-init: it is PID 1 of a sandbox and started by sandbox-launcher only\n", stderr);
        return 2;
    }
    // The rest of what is inherited the launcher has put right before the filter, which may know none of
    // these calls.
    sandbox::reset_signals();
    ::prctl(PR_SET_NAME, "sandbox-init"); // its program is a memory file, whose name `ps` would show
    ::close_range(wire::kEndFd, ~0U, 0);
    ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    static Config config;
    if (!read_config(wire::kConfigFd, config)) {
        report_start(EINVAL, "instructions");
        return 1;
    }
    ::close(wire::kConfigFd);

    sigset_t watched;
    ::sigemptyset(&watched);
    for (const int signal : {SIGCHLD, wire::kEndSignal, wire::kTerminateSignal, wire::kRestartSignal})
        ::sigaddset(&watched, signal);
    ::sigprocmask(SIG_SETMASK, &watched, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    const int signal_fd = ::signalfd(-1, &watched, SFD_CLOEXEC);
    if (signal_fd < 0) {
        report_start(errno, "signalfd");
        return 1;
    }
    static Init init(config, signal_fd);
    return init.run();
}
