#include "contender.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/unique_fd.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <linux/sched.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sandbox::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::uint64_t kAllNamespaces =
    CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

std::vector<char*> pointers(const std::vector<std::string>& words) {
    std::vector<char*> result;
    for (const std::string& word : words)
        result.push_back(const_cast<char*>(word.c_str()));
    result.push_back(nullptr);
    return result;
}

/// The no-op's stdin and stdout, the near ends of which are here.
struct Pipes {
    UniqueFd in_read, in_write, out_read, out_write;

    Pipes() {
        std::array<int, 2> in{}, out{};
        if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0)
            throw_errno("pipe2");
        in_read = UniqueFd(in[0]);
        in_write = UniqueFd(in[1]);
        out_read = UniqueFd(out[0]);
        out_write = UniqueFd(out[1]);
    }

    void wait_for_byte(const std::string& who) {
        out_write.reset();
        in_read.reset();
        char byte = 0;
        if (::read(out_read.get(), &byte, 1) != 1)
            throw Error(Errc::io, who + " ended before the no-op ran", "see its message above");
    }
};

pid_t spawn(const std::vector<std::string>& argv, const Pipes& pipes) {
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, pipes.in_read.get(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, pipes.out_write.get(), STDOUT_FILENO);
    pid_t pid = 0;
    const int result =
        ::posix_spawnp(&pid, argv[0].c_str(), &actions, nullptr, pointers(argv).data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (result != 0)
        throw errno_error(result, "cannot start " + argv[0], "tools/setup test installs it");
    return pid;
}

void reap(pid_t pid) {
    while (::waitpid(pid, nullptr, 0) < 0)
        if (errno != EINTR)
            throw_errno("waitpid");
}

/// What of one contender is there between its launch and its stop.
struct Running {
    std::unique_ptr<Pipes> pipes;
    pid_t pid = 0;
};

pid_t first_child(pid_t pid) {
    const std::string text = std::to_string(pid);
    return static_cast<pid_t>(std::stol(read_file("/proc/" + text + "/task/" + text + "/children")));
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words)
        text += (text.empty() ? "" : " ") + word;
    return text;
}

} // namespace

Contender bubblewrap(const Paths& paths) {
    const std::vector<std::string> argv{"bwrap", "--unshare-all", "--dev-bind", "/", "/", paths.noop};
    const auto running = std::make_shared<Running>();
    return {"bwrap", joined(argv),
            [argv, running] {
                running->pipes = std::make_unique<Pipes>();
                const auto begin = Clock::now();
                running->pid = spawn(argv, *running->pipes);
                running->pipes->wait_for_byte("bwrap");
                return Clock::now() - begin;
            },
            [running] {
                const pid_t init = first_child(running->pid);
                const auto begin = Clock::now();
                ::kill(init, SIGKILL);
                reap(running->pid);
                return Clock::now() - begin;
            }};
}

Contender crun(const Paths& paths) {
    const std::vector<std::string> crun{"crun", "--root", paths.crun_root,
                                        "--cgroup-manager=" + paths.crun_cgroup_manager};
    const std::string id = "chimerax-sandbox-bench";
    std::vector<std::string> run = crun, remove = crun;
    run.insert(run.end(), {"run", "--detach", "--bundle", paths.bundle, id});
    remove.insert(remove.end(), {"delete", "--force", id});
    const auto running = std::make_shared<Running>();
    return {"crun", joined(run),
            [run, running] {
                running->pipes = std::make_unique<Pipes>();
                const auto begin = Clock::now();
                running->pid = spawn(run, *running->pipes);
                running->pipes->wait_for_byte("crun");
                const auto took = Clock::now() - begin;
                reap(running->pid);
                return took;
            },
            [remove, running] {
                const Pipes unused;
                const auto begin = Clock::now();
                reap(spawn(remove, unused));
                return Clock::now() - begin;
            }};
}

Contender bare_clone(const Paths& paths) {
    const auto running = std::make_shared<Running>();
    return {"clone3", "clone3 of user, mount, pid, net, ipc, uts and cgroup namespaces, then exec",
            [paths, running] {
                running->pipes = std::make_unique<Pipes>();
                char* const argv[] = {const_cast<char*>(paths.noop.c_str()), nullptr};
                struct clone_args args {};
                args.flags = kAllNamespaces;
                args.exit_signal = SIGCHLD;
                const auto begin = Clock::now();
                const long pid = ::syscall(SYS_clone3, &args, sizeof args);
                if (pid < 0)
                    throw_errno("clone3");
                if (pid == 0) {
                    ::dup2(running->pipes->in_read.get(), STDIN_FILENO);
                    ::dup2(running->pipes->out_write.get(), STDOUT_FILENO);
                    ::execv(argv[0], argv);
                    ::_exit(127);
                }
                running->pid = static_cast<pid_t>(pid);
                running->pipes->wait_for_byte("clone3");
                return Clock::now() - begin;
            },
            [running] {
                const auto begin = Clock::now();
                ::kill(running->pid, SIGKILL);
                reap(running->pid);
                return Clock::now() - begin;
            }};
}

} // namespace sandbox::bench
