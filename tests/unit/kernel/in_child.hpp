#pragma once

#include <cstdlib>
#include <exception>
#include <functional>

#include <catch2/catch.hpp>
#include <sys/wait.h>
#include <unistd.h>

/// Runs `body` in a forked child, so that what it does to the process stays there. Returns its exit status;
/// 99 for an exception, 128+n for a signal.
inline int in_child(const std::function<int()>& body) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        int status = 99;
        try {
            status = body();
        } catch (const std::exception&) {
        }
        ::_exit(status);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/// Most of what this module wraps only root may do. A developer without it is told; where tests must run it
/// is a failure.
inline bool need_root() {
    if (::geteuid() == 0)
        return true;
    if (std::getenv("SANDBOX_TESTS_MUST_RUN") != nullptr)
        FAIL("this test needs root");
    WARN("not root: not tested");
    return false;
}
