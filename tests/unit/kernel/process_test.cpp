#include "in_child.hpp"
#include "sandbox/kernel/process.hpp"

#include <csignal>

#include <fcntl.h>
#include <poll.h>

using namespace sandbox::kernel;

TEST_CASE("a clone is named by its pidfd, and its end is seen there") {
    CloneResult clone = clone_process(0, -1);
    if (clone.pid == 0) {
        for (;;)
            ::pause();
    }
    CHECK(parent_of(clone.pid) == ::getpid());
    CHECK(start_time(clone.pid).value() > 0);
    CHECK_FALSE(has_ended(clone.pidfd.get()));
    CHECK(send_signal(clone.pidfd.get(), SIGKILL));
    pollfd entry{clone.pidfd.get(), POLLIN, 0};
    CHECK(::poll(&entry, 1, 5000) == 1);
    CHECK(has_ended(clone.pidfd.get()));
    ::waitpid(clone.pid, nullptr, 0);
    CHECK_FALSE(send_signal(clone.pidfd.get(), SIGKILL)); // gone: said, not guessed
    CHECK_FALSE(start_time(clone.pid));
    CHECK_FALSE(open_pidfd(clone.pid));
}

TEST_CASE("a process that names itself like the end of its stat line is read right") {
    CHECK(in_child([] {
              const int file = ::open("/proc/self/comm", 1);
              if (::write(file, ") R 1 1 1", 9) != 9)
                  return 1;
              return parent_of(::getpid()) == ::getppid() && start_time(::getpid()) ? 0 : 2;
          }) == 0);
}
