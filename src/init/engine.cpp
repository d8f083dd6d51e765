#include "init/engine.hpp"

#include "sandbox/base/inheritance.hpp"
#include "sandbox/protocol/init_config.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <initializer_list>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sandbox::init {
namespace {

namespace wire = protocol::init;

struct Pipe {
    int read = -1;
    int write = -1;

    bool open() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0)
            return false;
        read = ends[0];
        write = ends[1];
        return true;
    }
    void close() {
        close_end(read);
        close_end(write);
    }
    static void close_end(int& end) {
        if (end >= 0)
            ::close(end);
        end = -1;
    }
};

[[noreturn]] void become_engine(const Config& config, bool born_in_payload, const Pipe& in, const Pipe& out,
                                const Pipe& err, const Pipe& failure) {
    // In payload/ all memory is charged, and an OOM kill there spares init. The first ChimeraX is born there:
    // a move waits for an RCU grace period.
    if ((born_in_payload || ::write(wire::kPayloadFd, "0", 1) == 1) && ::setsid() > 0 &&
        ::chdir(config.cwd) == 0 && ::dup2(in.read, 0) == 0 && ::dup2(out.write, 1) == 1 &&
        ::dup2(err.write, 2) == 2 && ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0) {
        reset_signals();
        ::execve(config.argv[0], config.argv, config.env);
    }
    const int error_number = errno;
    const ssize_t ignored = ::write(failure.write, &error_number, sizeof error_number);
    ::_exit(ignored == sizeof error_number ? 127 : 126);
}

} // namespace

int start_engine(Engine& engine, const Config& config, const char*& failed) {
    Pipe in, out, err, failure;
    const auto give_up = [&](const char* what) {
        const int error_number = errno;
        for (Pipe* pipe : {&in, &out, &err, &failure})
            pipe->close();
        failed = what;
        return error_number;
    };
    if (!in.open() || !out.open() || !err.open() || !failure.open())
        return give_up("pipe");
    const pid_t pid = ::fork();
    if (pid < 0)
        return give_up("fork");
    if (pid == 0)
        become_engine(config, engine.run == 0, in, out, err, failure);

    Pipe::close_end(failure.write);
    int error_number = 0;
    // A successful exec closes the other end: end of file is good news.
    const ssize_t count = ::read(failure.read, &error_number, sizeof error_number);
    if (count != 0) {
        ::waitpid(pid, nullptr, 0);
        errno = count == sizeof error_number ? error_number : EIO;
        return give_up(config.argv[0]);
    }
    engine.pid = pid;
    engine.stdin_fd = in.write;
    engine.output_fds[0] = out.read;
    engine.output_fds[1] = err.read;
    ++engine.run;
    ::clock_gettime(CLOCK_BOOTTIME, &engine.started);
    for (int* end : {&in.read, &out.write, &err.write, &failure.read})
        Pipe::close_end(*end);
    for (const int fd : engine.output_fds)
        ::fcntl(fd, F_SETFL, O_NONBLOCK);
    return 0;
}

bool leave_payload() {
    const bool left = ::write(wire::kInitFd, "0", 1) == 1;
    ::close(wire::kInitFd);
    return left;
}

void close_engine(Engine& engine) {
    Pipe::close_end(engine.stdin_fd);
    Pipe::close_end(engine.output_fds[0]);
    Pipe::close_end(engine.output_fds[1]);
}

void write_record(const Engine& engine, int wait_status) {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    const long long runtime =
        (now.tv_sec - engine.started.tv_sec) * 1000LL + (now.tv_nsec - engine.started.tv_nsec) / 1000000;
    char line[160];
    const bool signalled = WIFSIGNALED(wait_status);
    const int length = ::snprintf(line, sizeof line, "{\"run\":%u,\"%s\":%d,\"runtime_milliseconds\":%lld}\n",
                                  engine.run, signalled ? "signal" : "exit_status",
                                  signalled ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status), runtime);
    // One write(2) of a whole line: a reader sees all of it or nothing.
    if (::write(wire::kRecordFd, line, static_cast<std::size_t>(length)) != length)
        ::perror("sandbox-init: exit record");
}

} // namespace sandbox::init
