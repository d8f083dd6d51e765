// Each case runs in a child, which sets up what an odd caller would hand down.
#include "sandbox/base/file.hpp"
#include "sandbox/base/inheritance.hpp"

#include <array>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

using sandbox::Program;
using sandbox::put_inheritance_right;

namespace {

/// What the child finds after it has inherited `odd`.
bool holds_after(const std::function<void()>& odd, Program program, const std::function<bool()>& found) {
    const pid_t child = ::fork();
    if (child == 0) {
        odd();
        put_inheritance_right(program);
        ::_exit(found() ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool holds_after(const std::function<void()>& odd, const std::function<bool()>& found) {
    return holds_after(odd, Program::service, found) && holds_after(odd, Program::tool, found);
}

bool is_null(int fd, int mode) {
    struct stat status {
    }, null{};
    return ::fstat(fd, &status) == 0 && ::stat("/dev/null", &null) == 0 && status.st_rdev == null.st_rdev &&
           (::fcntl(fd, F_GETFL) & O_ACCMODE) == mode && (::fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0;
}

bool is_default(int signal) {
    struct sigaction action {};
    return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_DFL;
}

bool is_ignored(int signal) {
    struct sigaction action {};
    return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

void ignore_all() {
    for (int signal = 1; signal <= SIGRTMAX; ++signal)
        if (signal != SIGKILL && signal != SIGSTOP)
            ::signal(signal, SIG_IGN);
}

void set_soft(__rlimit_resource resource, rlim_t soft) {
    rlimit limit{};
    ::getrlimit(resource, &limit);
    limit.rlim_cur = soft;
    ::setrlimit(resource, &limit);
}

rlimit limit_of(__rlimit_resource resource) {
    rlimit limit{};
    ::getrlimit(resource, &limit);
    return limit;
}

/// CAP_SYS_RESOURCE, which containers may withhold from root.
bool may_lift() {
    std::string status = sandbox::read_file("/proc/self/status");
    status.erase(0, status.find("CapEff:") + 7);
    return (std::stoull(status, nullptr, 16) >> 24U & 1U) != 0;
}

} // namespace

TEST_CASE("closed standard descriptors become /dev/null, and nothing else takes their places") {
    for (const int closed : {1, 2, 4, 3, 5, 6, 7}) { // bits: stdin, stdout, stderr
        INFO(closed);
        const auto close_them = [&] {
            for (int fd = 0; fd < 3; ++fd)
                if ((closed >> fd & 1) != 0)
                    ::close(fd);
        };
        CHECK(holds_after(close_them, [&] {
            bool good = ::open("/", O_PATH | O_CLOEXEC) > 2;
            for (int fd = 0; fd < 3; ++fd)
                if ((closed >> fd & 1) != 0)
                    good = good && is_null(fd, fd == 0 ? O_RDONLY : O_WRONLY);
            return good;
        }));
    }
}

TEST_CASE("standard descriptors that are open stay as they are") {
    CHECK(holds_after(
        [] {
            const int file = ::open("/", O_PATH | O_CLOEXEC);
            ::dup2(file, 1);
        },
        [] { return (::fcntl(1, F_GETFL) & O_PATH) != 0; }));
}

TEST_CASE("no signal stays ignored in a service, a real-time one neither") {
    CHECK(holds_after(ignore_all, Program::service, [] {
        for (int signal = 1; signal <= SIGRTMAX; ++signal)
            if (signal != 32 && signal != 33 && !is_default(signal)) // libc's own, of which it says nothing
                return false;
        return true;
    }));
}

TEST_CASE("in a tool what nohup and trap mean stays ignored, and nothing else") {
    CHECK(holds_after(ignore_all, Program::tool, [] {
        for (int signal = 1; signal <= SIGRTMAX; ++signal) {
            const bool is_meant =
                signal == SIGHUP || signal == SIGINT || signal == SIGQUIT || signal == SIGTSTP;
            if (signal != 32 && signal != 33 && !(is_meant ? is_ignored(signal) : is_default(signal)))
                return false;
        }
        return true;
    }));
}

TEST_CASE("no signal stays blocked") {
    CHECK(holds_after(
        [] {
            sigset_t all;
            ::sigfillset(&all);
            ::sigprocmask(SIG_BLOCK, &all, nullptr);
        },
        [] {
            sigset_t now;
            ::sigprocmask(SIG_BLOCK, nullptr, &now);
            return ::sigisemptyset(&now) == 1;
        }));
}

TEST_CASE("timers are off, and one that went off while its signal was blocked does no harm") {
    CHECK(holds_after(
        [] {
            sigset_t alarm;
            ::sigemptyset(&alarm);
            ::sigaddset(&alarm, SIGALRM);
            ::sigprocmask(SIG_BLOCK, &alarm, nullptr);
            const itimerval soon{{0, 1000}, {0, 1000}};
            ::setitimer(ITIMER_REAL, &soon, nullptr);
            ::setitimer(ITIMER_PROF, &soon, nullptr);
            sigset_t pending;
            do
                ::sigpending(&pending);
            while (::sigismember(&pending, SIGALRM) != 1);
        },
        [] {
            itimerval left{};
            return ::getitimer(ITIMER_REAL, &left) == 0 && left.it_value.tv_sec == 0 &&
                   left.it_value.tv_usec == 0 && left.it_interval.tv_usec == 0;
        }));
}

TEST_CASE("a service's soft limits go up to the hard ones, and its stack is the kernel's") {
    for (const auto resource :
         {RLIMIT_NOFILE, RLIMIT_FSIZE, RLIMIT_CPU, RLIMIT_AS, RLIMIT_DATA, RLIMIT_NPROC, RLIMIT_MEMLOCK}) {
        INFO(resource);
        CHECK(holds_after([&] { set_soft(resource, resource == RLIMIT_AS ? 1U << 30U : 64); },
                          Program::service,
                          [&] {
                              const rlimit now = limit_of(resource);
                              return now.rlim_cur == now.rlim_max && now.rlim_cur > 64;
                          }));
    }
    CHECK(holds_after([] { set_soft(RLIMIT_STACK, 1U << 20U); }, Program::service,
                      [] { return limit_of(RLIMIT_STACK).rlim_cur == 8U << 20U; }));
}

TEST_CASE("a tool keeps its user's limits, but for descriptors") {
    CHECK(holds_after(
        [] {
            set_soft(RLIMIT_FSIZE, 64);
            set_soft(RLIMIT_CPU, 64);
            set_soft(RLIMIT_NOFILE, 64);
        },
        Program::tool,
        [] {
            return limit_of(RLIMIT_FSIZE).rlim_cur == 64 && limit_of(RLIMIT_CPU).rlim_cur == 64 &&
                   limit_of(RLIMIT_NOFILE).rlim_cur > 64;
        }));
}

TEST_CASE("core dumps are not switched on, as they hold secrets") {
    CHECK(holds_after([] { set_soft(RLIMIT_CORE, 0); }, [] { return limit_of(RLIMIT_CORE).rlim_cur == 0; }));
}

TEST_CASE("root's hard limits under which nothing can be done are lifted") {
    if (!may_lift())
        return;
    CHECK(holds_after(
        [] {
            const rlimit none{4, 4};
            ::setrlimit(RLIMIT_FSIZE, &none);
        },
        Program::service, [] { return limit_of(RLIMIT_FSIZE).rlim_max == RLIM_INFINITY; }));
    CHECK(holds_after(
        [] {
            const rlimit few{40, 40};
            ::setrlimit(RLIMIT_NOFILE, &few);
        },
        Program::service, [] { return limit_of(RLIMIT_NOFILE).rlim_max == 40; }));
}

TEST_CASE("a service has its own umask, a working folder and the ordinary personality; a tool its user's") {
    const auto odd = [] {
        ::umask(0777);
        std::string folder = "/tmp/inheritance-XXXXXX";
        if (::mkdtemp(folder.data()) == nullptr || ::chdir(folder.c_str()) != 0 ||
            ::rmdir(folder.c_str()) != 0)
            ::_exit(2);
        ::personality(ADDR_NO_RANDOMIZE);
    };
    std::array<char, 4096> path{};
    CHECK(holds_after(odd, Program::service, [&] {
        return ::umask(0) == 022 && ::getcwd(path.data(), path.size()) != nullptr &&
               std::string(path.data()) == "/" && ::personality(0xffffffff) == PER_LINUX;
    }));
    CHECK(holds_after(odd, Program::tool,
                      [&] { return ::umask(0) == 0777 && ::getcwd(path.data(), path.size()) == nullptr; }));
}

TEST_CASE("a child about to exec has every signal at its default, caught ones too") {
    CHECK(holds_after([] {}, Program::service,
                      [] {
                          ::signal(SIGCHLD, SIG_IGN);
                          ::signal(SIGUSR1, [](int) {});
                          sigset_t all;
                          ::sigfillset(&all);
                          ::sigprocmask(SIG_BLOCK, &all, nullptr);
                          sandbox::reset_signals();
                          sigset_t now;
                          ::sigprocmask(SIG_BLOCK, nullptr, &now);
                          return is_default(SIGCHLD) && is_default(SIGUSR1) && ::sigisemptyset(&now) == 1;
                      }));
}

TEST_CASE("leaked descriptors are closed but those that LISTEN_FDS passes to this very process") {
    const auto found = [](const std::string& pid, const std::string& count) {
        return holds_after(
            [] {
                for (int fd = 3; fd < 6; ++fd)
                    ::dup2(0, fd);
            },
            Program::service,
            [&] {
                ::setenv("LISTEN_PID", pid.empty() ? std::to_string(::getpid()).c_str() : pid.c_str(), 1);
                ::setenv("LISTEN_FDS", count.c_str(), 1);
                sandbox::close_leaked_descriptors();
                return ::fcntl(3, F_GETFD) >= 0 && ::fcntl(4, F_GETFD) < 0 && ::fcntl(5, F_GETFD) < 0;
            });
    };
    const auto none = [](const std::string& pid, const std::string& count) {
        return holds_after([] { ::dup2(0, 3); }, Program::service,
                           [&] {
                               ::setenv("LISTEN_PID",
                                        pid.empty() ? std::to_string(::getpid()).c_str() : pid.c_str(), 1);
                               ::setenv("LISTEN_FDS", count.c_str(), 1);
                               sandbox::close_leaked_descriptors();
                               return ::fcntl(3, F_GETFD) < 0;
                           });
    };
    CHECK(found("", "1"));
    CHECK(none("1", "1"));
    CHECK(none("", "-1"));
    CHECK(none("", "x"));
    CHECK(none("x", "1"));
}
