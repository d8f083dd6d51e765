#include "ctl/terminal/signals.hpp"

#include "sandbox/base/error.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace sandbox::ctl {

Signals::Signals() {
    sigset_t caught;
    ::sigemptyset(&caught);
    for (const int number : {SIGINT, SIGTERM, SIGHUP})
        ::sigaddset(&caught, number);
    ::pthread_sigmask(SIG_BLOCK, &caught, &before_);
    fd_ = UniqueFd(::signalfd(-1, &caught, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd_)
        throw_errno("signalfd");
}

Signals::~Signals() {
    take();
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

bool Signals::came() const {
    pollfd wait{fd_.get(), POLLIN, 0};
    return ::poll(&wait, 1, 0) > 0;
}

int Signals::take() const {
    signalfd_siginfo info{};
    return ::read(fd_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

} // namespace sandbox::ctl
