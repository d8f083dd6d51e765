#include "in_child.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/kernel/seccomp.hpp"
#include "sandbox/kernel/seccomp_notify.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <map>
#include <new>
#include <thread>

#include <fcntl.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

using namespace sandbox;
using namespace sandbox::kernel;

namespace {

constexpr int kReady = 900;

/// getppid looks at none of its arguments, so a rule can be asked for each of their values.
std::vector<sock_filter> rule_on_getppid(std::vector<SeccompArgumentMatch> arguments) {
    return compile_seccomp({SCMP_ACT_ALLOW, {{"getppid", SCMP_ACT_ERRNO(77), std::move(arguments)}}}).program;
}

seccomp_data call_of(int number, std::array<std::uint64_t, 6> arguments = {}) {
    seccomp_data call{};
    call.nr = number;
#if defined(__x86_64__)
    call.arch = AUDIT_ARCH_X86_64;
#else
    call.arch = AUDIT_ARCH_AARCH64;
#endif
    std::ranges::copy(arguments, std::begin(call.args));
    return call;
}

/// A process under a listened filter, and the listener.
class Heard {
  public:
    Heard(const std::vector<sock_filter>& program, const std::function<int()>& body) {
        std::array<int, 2> ends{};
        REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
        const UniqueFd is_ready(ends[0]);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::dup2(ends[1], kReady);
            ::close(ends[1]);
            ::close(ends[0]);
            ::signal(SIGSEGV, SIG_DFL); // not the test program's report
            ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            const std::vector<sock_filter> notifying = notifying_program(program, kReady);
            const int fd =
                install_listened_seccomp(notifying.data(), static_cast<unsigned short>(notifying.size()));
            ::close(kReady);
            ::_exit(fd == ends[0] ? body() : 98);
        }
        ::close(ends[1]);
        char nothing = 0;
        REQUIRE(::read(is_ready.get(), &nothing, 1) == 0);
        listener_.emplace(take_descriptor(open_pidfd(pid_).get(), ends[0]));
    }

    /// Answers all, as the program says; the exit status, or 128 + the signal.
    int serve(const std::vector<sock_filter>& program, const std::function<void(pid_t)>& before = {}) {
        while (const auto call = listener_->wait()) {
            if (before)
                before(pid_);
            ++heard[call->data.nr];
            listener_->answer(*call, run_program(program, call->data));
        }
        return status();
    }

    void kill() const { ::kill(pid_, SIGKILL); }

    /// Another process serves.
    void leave() { listener_.reset(); }

    int status() const {
        int status = 0;
        if (::waitpid(pid_, &status, 0) != pid_)
            return 0; // it is not this process's child
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }

    std::map<int, int> heard;

  private:
    pid_t pid_ = 0;
    std::optional<SeccompListener> listener_;
};

} // namespace

TEST_CASE("a program says here what it says in the kernel") {
    constexpr std::uint64_t kHigh = std::uint64_t{1} << 40;
    const std::array<std::uint64_t, 9> values{0,          1,     5,         6,         0x80000000,
                                              0xffffffff, kHigh, kHigh + 5, UINT64_MAX};
    const auto op = GENERATE(SCMP_CMP_NE, SCMP_CMP_LT, SCMP_CMP_LE, SCMP_CMP_EQ, SCMP_CMP_GE, SCMP_CMP_GT,
                             SCMP_CMP_MASKED_EQ);
    const auto against = GENERATE_COPY(std::uint64_t{5}, kHigh + 5);
    const bool masked = op == SCMP_CMP_MASKED_EQ;
    const std::vector<sock_filter> program = rule_on_getppid(
        {{2, static_cast<unsigned>(op), masked ? against | 1 : against, masked ? against : 0}});
    int refused = 0;
    for (const std::uint64_t value : values)
        refused += run_program(program, call_of(SYS_getppid, {0, 0, value})) == SECCOMP_RET_ERRNO + 77;
    CHECK(refused > 0);
    CHECK(refused < 9);
    CHECK(in_child([&] {
              ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
              if (install_seccomp(program.data(), static_cast<unsigned short>(program.size())) != 0)
                  return 98;
              for (const std::uint64_t value : values) {
                  const bool allowed = ::syscall(SYS_getppid, 0, 0, value) > 0;
                  if (allowed !=
                      (run_program(program, call_of(SYS_getppid, {0, 0, value})) == SECCOMP_RET_ALLOW))
                      return 1;
              }
              return 0;
          }) == 0);
}

TEST_CASE("calls of another architecture, and what is no whole program, kill") {
    const std::vector<sock_filter> program = rule_on_getppid({});
    seccomp_data call = call_of(SYS_getpid);
    CHECK(run_program(program, call) == SECCOMP_RET_ALLOW);
    call.arch = AUDIT_ARCH_I386;
    CHECK(run_program(program, call) == SECCOMP_RET_KILL_PROCESS);
    CHECK(run_program({}, call) == SECCOMP_RET_KILL_PROCESS);
    const std::array<sock_filter, 2> astray{sock_filter BPF_STMT(BPF_JMP | BPF_JA, 7),
                                            sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    CHECK(run_program(astray, call) == SECCOMP_RET_KILL_PROCESS);
}

TEST_CASE("who listens hears every call, and answers as the filter would have") {
    const std::vector<sock_filter> program = rule_on_getppid({{0, SCMP_CMP_EQ, 3, 0}});
    Heard heard(program, [] {
        const bool refused = ::syscall(SYS_getppid, 3) == -1 && errno == 77;
        return refused && ::syscall(SYS_getppid, 4) > 0 && ::syscall(SYS_getppid, 5) > 0 ? 0 : 1;
    });
    CHECK(heard.serve(program) == 0);
    CHECK(heard.heard == std::map<int, int>{{SYS_getppid, 3}, {SYS_exit_group, 1}});
}

TEST_CASE("the return of a signal's handler is not heard, where it is allowed: it cannot be interrupted") {
    const std::vector<sock_filter> program = rule_on_getppid({});
    const auto body = [] {
        struct sigaction action {};
        action.sa_handler = [](int) {};
        ::sigaction(SIGUSR1, &action, nullptr);
        ::raise(SIGUSR1);
        return 0;
    };
    Heard heard(program, body);
    CHECK(heard.serve(program) == 0);
    CHECK(heard.heard.contains(SYS_rt_sigaction));
    CHECK_FALSE(heard.heard.contains(SYS_rt_sigreturn));
    const std::vector<sock_filter> without =
        compile_seccomp({SCMP_ACT_ALLOW, {{"rt_sigreturn", SCMP_ACT_ERRNO(EPERM), {}}}}).program;
    Heard refused(without, body);
    CHECK(refused.serve(without) != 0);
    CHECK(refused.heard[SYS_rt_sigreturn] == 1);
}

TEST_CASE("who listens goes on after it was stopped, whatever the callers do meanwhile") {
    const std::vector<sock_filter> program = rule_on_getppid({{0, SCMP_CMP_EQ, 3, 0}});
    struct Shared {
        std::atomic<bool> done = false;
        std::atomic<int> calls = 0, failures = 0;
    };
    void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    Shared& shared = *new (memory) Shared();
    Heard heard(program, [&] {
        // Enough of them that some hold the kernel's lock of the listener at any moment.
        std::vector<std::thread> threads;
        for (int i = 0; i < 32; ++i)
            threads.emplace_back([&] {
                while (!shared.done) {
                    shared.failures += ::syscall(SYS_getppid) <= 0;
                    ++shared.calls;
                }
            });
        for (std::thread& thread : threads)
            thread.join();
        return shared.failures == 0 ? 0 : 1;
    });
    const pid_t server = ::fork();
    if (server == 0)
        ::_exit(heard.serve(program) == 0 ? 0 : 1);
    heard.leave();
    bool goes_on = true;
    for (int i = 0; i < 3000 && goes_on; ++i) {
        const int before = shared.calls;
        ::kill(server, SIGSTOP);
        ::kill(server, SIGCONT);
        int tries = 0;
        while (shared.calls < before + 8 && ++tries < 30'000)
            ::usleep(100);
        goes_on = shared.calls >= before + 8;
    }
    CHECK(goes_on);
    shared.done = true;
    if (!goes_on)
        heard.kill(); // it cannot even exit
    int status = 0;
    ::waitpid(server, &status, 0);
    CHECK(heard.status() == 0);
    CHECK(shared.failures == 0);
    ::munmap(memory, sizeof(Shared));
}

TEST_CASE("close of that one descriptor alone is not heard") {
    const std::vector<sock_filter> program = rule_on_getppid({});
    Heard heard(program, [] {
        ::close(kReady); // again
        ::close(kReady + 1);
        ::close(-1);
        return 0;
    });
    CHECK(heard.serve(program) == 0);
    CHECK(heard.heard[SYS_close] == 2);
}

TEST_CASE("what the filter kills for, the kernel kills for, whoever listens") {
    const std::vector<sock_filter> program =
        compile_seccomp({SCMP_ACT_ALLOW, {{"getppid", SCMP_ACT_KILL_PROCESS, {}}}}).program;
    Heard heard(program, [] {
        ::syscall(SYS_getuid); // waits until there is somebody to hear it
        return static_cast<int>(::syscall(SYS_getppid));
    });
    CHECK(heard.serve(program) == 128 + SIGSYS);
    CHECK(heard.heard == std::map<int, int>{{SYS_getuid, 1}});
    Heard other(program, [] {
        ::syscall(SYS_getuid);
        long result = 20; // getpid of i386
        asm volatile("int $0x80" : "+a"(result)::"memory");
        return 0;
    });
    CHECK(other.serve(program) == 128 + SIGSYS);
}

TEST_CASE("nobody below can put a listener of his own above, which would answer in place of this one") {
    const std::vector<sock_filter> program = rule_on_getppid({});
    const std::vector<sock_filter> own =
        notifying_program({BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}, -1);
    Heard heard(program, [&] {
        const auto length = static_cast<unsigned short>(own.size());
        if (install_listened_seccomp(own.data(), length) != -EBUSY)
            return 1;
        // Without a listener, such a filter only takes away.
        if (install_seccomp(own.data(), length) != 0)
            return 2;
        return ::syscall(SYS_getppid) == -1 && errno == ENOSYS ? 0 : 3;
    });
    CHECK(heard.serve(program) != 0);
    CHECK(heard.heard[SYS_getppid] == 0);
}

TEST_CASE("a caller that dies while it waits is nobody to answer") {
    const std::vector<sock_filter> program = rule_on_getppid({});
    Heard heard(program, [] { return static_cast<int>(::syscall(SYS_getppid)); });
    CHECK(heard.serve(program, [](pid_t caller) { ::kill(caller, SIGKILL); }) == 128 + SIGKILL);
}

TEST_CASE("calls have their names") {
    CHECK(system_call_name(SYS_openat) == "openat");
    CHECK(system_call_name(99999) == "call_99999");
}
