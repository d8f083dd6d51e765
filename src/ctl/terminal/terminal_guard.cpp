#include "ctl/terminal/terminal_guard.hpp"

#include "sandbox/base/error.hpp"

#include <cerrno>

#include <termios.h>
#include <unistd.h>

namespace sandbox::ctl {
namespace {

termios kept{}; // a handler is given nothing but its signal

/// What is typed already stays, for this program or for the shell.
void give_back(int when) {
    if (::tcgetpgrp(STDIN_FILENO) == ::getpgrp()) // in the background tcsetattr would stop it
        ::tcsetattr(STDIN_FILENO, when, &kept);
}

void handle(int number);

void set_handler(int number) {
    struct sigaction action {};
    action.sa_handler = &handle;
    // raise() in it does what the signal does without it; the system calls of other threads go on.
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER | SA_RESTART); // SA_RESETHAND is unsigned
    ::sigaction(number, &action, nullptr);
}

/// Calls only what signal-safety(7) lists.
void handle(int number) {
    const int error = errno;
    termios ours{};
    ::tcgetattr(STDIN_FILENO, &ours);
    give_back(TCSANOW); // output may be held up by Ctrl-S
    ::raise(number);
    // It was stopped, and goes on. In the background it stops here once more.
    set_handler(number);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &ours);
    errno = error;
}

} // namespace

KeptTerminal::KeptTerminal() {
    if (::tcgetattr(STDIN_FILENO, &kept) != 0)
        throw_errno("read the terminal's modes");
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
        ::sigaction(kSignals[i], nullptr, &before_[i]);
        if (before_[i].sa_handler != SIG_IGN) // as nohup has it
            set_handler(kSignals[i]);
    }
}

KeptTerminal::~KeptTerminal() {
    give_back(TCSADRAIN);
    for (std::size_t i = 0; i < kSignals.size(); ++i)
        ::sigaction(kSignals[i], &before_[i], nullptr);
}

} // namespace sandbox::ctl
