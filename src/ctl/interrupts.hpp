#pragma once

#include "bell.hpp"

#include <csignal>

namespace sandbox::ctl {

/// SIGINT rings a bell rather than ends this program, for as long as it lives. One at a time.
class Interrupts {
  public:
    Interrupts();
    Interrupts(const Interrupts&) = delete;
    Interrupts& operator=(const Interrupts&) = delete;
    ~Interrupts();

    const Bell& bell() const { return bell_; }

  private:
    Bell bell_;
    struct sigaction before_ {};
};

} // namespace sandbox::ctl
