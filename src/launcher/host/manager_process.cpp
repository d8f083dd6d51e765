#include "launcher/host/manager_process.hpp"

#include "launcher/helpers/helper_process.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fault_points.hpp"
#include "sandbox/base/inheritance.hpp"
#include "sandbox/base/journal.hpp"
#include "sandbox/base/listening.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/protocol/init_config.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sandbox::launcher {
namespace {

/// False with errno where it cannot.
bool becomes(const ManagerIdentity& manager) {
    try {
        drop_privileges_to(manager.uid, manager.gid);
        return true;
    } catch (const Error&) {
        return false;
    }
}

/// A terminal of root's as a place to write alone: whoever has it open for reading gets what root types.
void take_terminal_for_writing(int fd) {
    if (::isatty(fd) != 1)
        return;
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    const UniqueFd terminal(::open(path.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC));
    if (!terminal || ::dup2(terminal.get(), fd) != fd)
        ::close(fd);
}

/// Of root's environment the manager gets where the log goes to, and what tests tell it.
std::vector<std::string> environment_of_manager(int sockets, const std::string& names) {
    std::vector<std::string> environment{"PATH=/usr/bin:/bin", "LANG=C.UTF-8",
                                         "LISTEN_PID=" + std::to_string(::getpid()),
                                         "LISTEN_FDS=" + std::to_string(sockets), "LISTEN_FDNAMES=" + names};
    const auto add = [&](const char* name) {
        if (const char* value = std::getenv(name))
            environment.push_back(std::string(name) + "=" + value);
    };
    if (has_fault_points())
        add("SANDBOXD_FAULT_FILE");
    if (stderr_is_journal())
        add("JOURNAL_STREAM");
    return environment;
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (const std::string& text : texts)
        pointers.push_back(const_cast<char*>(text.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

[[noreturn]] void become_manager(const LauncherContext& context, pid_t launcher, const ApiSockets& sockets,
                                 const std::vector<std::string>& argv) {
    // Its descriptors from 3 on, all others closed.
    std::vector<int> lifted;
    for (const UniqueFd& socket : sockets.sockets)
        lifted.push_back(::fcntl(socket.get(), F_DUPFD_CLOEXEC, 64));
    const int count = static_cast<int>(lifted.size());
    const std::vector<std::string> variables = environment_of_manager(count, sockets.names);
    const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    for (const int fd : {STDOUT_FILENO, STDERR_FILENO})
        take_terminal_for_writing(fd);
    bool good = ::setns(context.gateway.get(), CLONE_NEWNET) == 0 && ::setsid() > 0;
    for (int i = 0; i < count; ++i)
        good = good && ::dup2(lifted[static_cast<std::size_t>(i)], 3 + i) == 3 + i;
    good = good && ::dup2(null.get(), STDIN_FILENO) == STDIN_FILENO &&
           ::close_range(static_cast<unsigned>(3 + count), ~0U, CLOSE_RANGE_CLOEXEC) == 0 &&
           becomes(context.manager) &&
           // After the change of user, which clears it (prctl(2)): the two of them live and die together, or
           // the next launcher's manager would find the store in the hands of this one.
           ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && ::getppid() == launcher;
    reset_signals();
    if (good)
        ::execve(argv[0].c_str(), pointers_to(argv).data(), pointers_to(variables).data());
    const std::string text =
        "sandbox-launcher: cannot start " + argv[0] + ": " + errno_error(errno, "").what() + "\n";
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    ::_exit(127);
}

} // namespace

ApiSockets open_api_sockets(const policy::Site& site) {
    ApiSockets api;
    api.sockets.push_back(listen_unix(site.listen_unix));
    api.names = "api-unix";
    for (const std::string& text : site.listen_tcp) {
        api.sockets.push_back(listen_tcp(text));
        api.names += ":api-tcp";
    }
    return api;
}

pid_t start_manager(const LauncherContext& context, const ApiSockets& sockets,
                    const std::vector<std::string>& argv) {
    const pid_t launcher = ::getpid();
    const kernel::CloneResult clone = kernel::clone_process(0, -1);
    if (clone.pid == 0)
        become_manager(context, launcher, sockets, argv);
    return clone.pid;
}

pid_t start_holder(const LauncherContext& context) {
    const pid_t launcher = ::getpid();
    const kernel::CloneResult clone = kernel::clone_process(0, -1);
    if (clone.pid != 0) {
        fault_point(context, FaultPoint::holder);
        return clone.pid;
    }
    char name[] = "sandbox-hold";
    char* const argv[] = {name, nullptr};
    char* const none[] = {nullptr};
    reset_signals();
    sigset_t hold;
    ::sigemptyset(&hold);
    ::sigaddset(&hold, protocol::init::kHoldSignal);
    ::sigprocmask(SIG_BLOCK, &hold, nullptr);
    ::setsid();
    // Until it is told that its scope is there, nobody else would know of it.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && ::getppid() == launcher &&
        ::close_range(0, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
        ::syscall(SYS_execveat, context.init_image.get(), "", argv, none, AT_EMPTY_PATH);
    ::_exit(127);
}

} // namespace sandbox::launcher
