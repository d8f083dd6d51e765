#include "ctl/terminal/interrupts.hpp"

#include <cerrno>

#include <unistd.h>

namespace sandbox::ctl {
namespace {

const Bell* heard = nullptr; // a handler is given nothing but its signal

/// Calls only what signal-safety(7) lists.
void handle(int) {
    const int error = errno;
    heard->ring();
    errno = error;
}

} // namespace

Interrupts::Interrupts(int key) {
    heard = &bell_;
    ::sigaction(SIGINT, nullptr, &before_);
    if (before_.sa_handler == SIG_IGN) // as nohup has it
        return;
    struct sigaction action {};
    action.sa_handler = &handle;
    action.sa_flags = static_cast<int>(SA_RESTART);
    ::sigaction(SIGINT, &action, nullptr);
    has_key_ = key >= 0 && ::tcgetattr(STDIN_FILENO, &modes_) == 0;
    if (!has_key_)
        return;
    termios modes = modes_;
    modes.c_cc[VINTR] = static_cast<cc_t>(key);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &modes);
}

Interrupts::~Interrupts() {
    if (has_key_)
        ::tcsetattr(STDIN_FILENO, TCSANOW, &modes_);
    ::sigaction(SIGINT, &before_, nullptr);
}

} // namespace sandbox::ctl
