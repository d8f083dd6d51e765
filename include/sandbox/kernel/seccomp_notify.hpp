#pragma once

#include "sandbox/base/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <linux/filter.h>
#include <linux/seccomp.h>

namespace sandbox::kernel {

/// `program` with each return but the killing ones (SECCOMP_RET_KILL_*, SECCOMP_RET_TRAP) in favour of
/// SECCOMP_RET_USER_NOTIF: whoever listens decides in its place. Two calls pass unheard: close(`ready`),
/// which is how a process says that there is something to listen to, as no other call could, each of which
/// waits for the answer; and rt_sigreturn, where `program` allows it: a signal that interrupts the wait for
/// the answer would have it return, which it never does. Any other call that is interrupted so fails with
/// EINTR or begins anew, by the handler's SA_RESTART (seccomp_unotify(2)).
std::vector<sock_filter> notifying_program(const std::vector<sock_filter>& program, int ready);

/// SECCOMP_RET_ALLOW and _LOG: the call goes on.
bool allows(std::uint32_t action);

/// What the kernel would do with a call under a program of `compile_seccomp`: SECCOMP_RET_*. A program that
/// the kernel would not have taken kills.
std::uint32_t run_program(std::span<const sock_filter> program, const seccomp_data& call) noexcept;

/// As `install_seccomp`, with a listener: its descriptor, close-on-exec, or a negative errno. From here on
/// each call of the thread waits for somebody who listens. A second one for the same thread is -EBUSY
/// for as long as the first has its listener.
int install_listened_seccomp(const sock_filter* program, unsigned short length) noexcept;

/// The listening end of a filter: seccomp_unotify(2).
class SeccompListener {
  public:
    explicit SeccompListener(UniqueFd fd);

    struct Call {
        std::uint64_t id = 0;
        seccomp_data data{};
    };
    /// Waits for the next call. None: nobody is left under the filter. Throws Error.
    std::optional<Call> wait();
    /// Does what the kernel would have done by itself with SECCOMP_RET_ALLOW and _ERRNO; _LOG goes on,
    /// without a line in the log, and any other action is refused. Of a caller that is gone meanwhile
    /// nothing. Throws Error.
    void answer(const Call& call, std::uint32_t action);

  private:
    UniqueFd fd_;
    // As large as the kernel says, which may know more fields than these headers.
    std::vector<std::byte> request_, response_;
};

/// Of the native architecture. "call_1234" for one that libseccomp has no name for.
std::string system_call_name(int number);

} // namespace sandbox::kernel
