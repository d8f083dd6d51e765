#pragma once

#include <array>
#include <csignal>

namespace sandbox::ctl {

/// Puts the terminal that is standard input back as it was, at its own end, and before a signal ends or stops
/// this program. One at a time.
class KeptTerminal {
  public:
    KeptTerminal();
    KeptTerminal(const KeptTerminal&) = delete;
    KeptTerminal& operator=(const KeptTerminal&) = delete;
    ~KeptTerminal();

  private:
    static constexpr std::array kSignals{SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP};
    std::array<struct sigaction, kSignals.size()> before_{};
};

} // namespace sandbox::ctl
