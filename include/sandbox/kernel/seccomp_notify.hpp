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
/// SECCOMP_RET_USER_NOTIF: whoever listens decides in its place. Only close(`ready`) passes unheard: it is
/// how a process says that there is something to listen to, which no other call could, as each waits for the
/// answer.
std::vector<sock_filter> notifying_program(const std::vector<sock_filter>& program, int ready);

/// What the kernel would do with a call under a program of `compile_seccomp`: SECCOMP_RET_*. A program that
/// the kernel would not have taken kills.
std::uint32_t run_program(std::span<const sock_filter> program, const seccomp_data& call) noexcept;

/// As `install_seccomp`, with a listener: its descriptor, close-on-exec, or a negative errno. From here on
/// each call of the thread waits for somebody who listens. A second one for the same thread is -EBUSY, so
/// that nobody under the filter can answer in the place of who listens.
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
    /// Does what the kernel would have done by itself: `action` is SECCOMP_RET_ALLOW, _LOG or _ERRNO. Of a
    /// caller that is gone meanwhile nothing. Throws Error.
    void answer(const Call& call, std::uint32_t action);

  private:
    UniqueFd fd_;
    // As large as the kernel says, which may know more fields than these headers.
    std::vector<std::byte> request_, response_;
};

/// Of the native architecture. "call_1234" for one that libseccomp has no name for.
std::string system_call_name(int number);

} // namespace sandbox::kernel
