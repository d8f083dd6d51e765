#pragma once

#include "ctl/terminal/event_fd.hpp"

#include <csignal>

#include <termios.h>

namespace sandbox::ctl {

/// SIGINT rings a bell rather than ends this program, and a key of the terminal that is standard input sends
/// it, for as long as it lives. One at a time.
class Interrupts {
  public:
    /// -1: no key does.
    explicit Interrupts(int key);
    Interrupts(const Interrupts&) = delete;
    Interrupts& operator=(const Interrupts&) = delete;
    ~Interrupts();

    const Bell& bell() const { return bell_; }

  private:
    Bell bell_;
    struct sigaction before_ {};
    termios modes_{};
    bool has_key_ = false;
};

} // namespace sandbox::ctl
