#pragma once

#include "sandbox/base/unique_fd.hpp"

#include <csignal>

namespace sandbox::ctl {

/// SIGINT, SIGTERM and SIGHUP as a descriptor, for as long as it lives: a session is ended whatever comes.
class Signals {
  public:
    Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;
    ~Signals();

    int fd() const { return fd_.get(); }
    bool came() const;
    /// The number of one that came, 0 for none.
    int take() const;

  private:
    sigset_t before_{};
    UniqueFd fd_;
};

} // namespace sandbox::ctl
