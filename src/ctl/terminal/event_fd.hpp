#pragma once

#include "sandbox/base/error.hpp"
#include "sandbox/base/unique_fd.hpp"

#include <cstdint>

#include <sys/eventfd.h>
#include <unistd.h>

namespace sandbox::ctl {

/// One thread rings, another waits for the descriptor to be readable (eventfd(2)).
class Bell {
  public:
    Bell() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
        if (!fd_)
            throw_errno("eventfd");
    }
    int fd() const { return fd_.get(); }
    void ring() const {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t done = ::write(fd_.get(), &one, sizeof one); // full is rung, too
    }
    void silence() const {
        std::uint64_t count = 0;
        [[maybe_unused]] const ssize_t done = ::read(fd_.get(), &count, sizeof count);
    }

  private:
    UniqueFd fd_;
};

} // namespace sandbox::ctl
