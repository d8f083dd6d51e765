#include "interrupts.hpp"

#include <cerrno>

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

Interrupts::Interrupts() {
    heard = &bell_;
    ::sigaction(SIGINT, nullptr, &before_);
    if (before_.sa_handler == SIG_IGN) // as nohup has it
        return;
    struct sigaction action {};
    action.sa_handler = &handle;
    action.sa_flags = static_cast<int>(SA_RESTART);
    ::sigaction(SIGINT, &action, nullptr);
}

Interrupts::~Interrupts() {
    ::sigaction(SIGINT, &before_, nullptr);
}

} // namespace sandbox::ctl
