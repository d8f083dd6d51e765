#include "sandbox/kernel/seccomp_notify.hpp"

#include "sandbox/base/error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <linux/audit.h>
#include <poll.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sandbox::kernel {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "name this architecture as linux/audit.h does"
#endif

constexpr std::uint16_t kLoad = BPF_LD | BPF_W | BPF_ABS;

bool is_return(const sock_filter& instruction) {
    return instruction.code == (BPF_RET | BPF_K);
}

/// The kernel's own are not for a listener to answer: they hold without one.
bool kills(std::uint32_t action) {
    const std::uint32_t kind = action & SECCOMP_RET_ACTION_FULL;
    return kind == SECCOMP_RET_KILL_PROCESS || kind == SECCOMP_RET_KILL_THREAD || kind == SECCOMP_RET_TRAP;
}

constexpr std::uint32_t argument_offset(std::size_t index) {
    return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + index * sizeof(std::uint64_t));
}

bool holds(std::uint16_t operation, std::uint32_t value, std::uint32_t constant) {
    switch (operation) {
    case BPF_JEQ:
        return value == constant;
    case BPF_JGT:
        return value > constant;
    case BPF_JGE:
        return value >= constant;
    case BPF_JSET:
        return (value & constant) != 0;
    default:
        return false;
    }
}

} // namespace

bool allows(std::uint32_t action) {
    const std::uint32_t kind = action & SECCOMP_RET_ACTION_FULL;
    return kind == SECCOMP_RET_ALLOW || kind == SECCOMP_RET_LOG;
}

std::vector<sock_filter> notifying_program(const std::vector<sock_filter>& program, int ready) {
    // A descriptor is an int to the kernel: the upper half of the argument, which it does not look at, is
    // behind the lower one here (both architectures are little-endian).
    std::vector<sock_filter> notifying{
        BPF_STMT(kLoad, offsetof(seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 0, 5),
        BPF_STMT(kLoad, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close, 0, 3),
        BPF_STMT(kLoad, argument_offset(0)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(ready), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    seccomp_data sigreturn{};
    sigreturn.nr = SYS_rt_sigreturn;
    sigreturn.arch = kArchitecture;
    if (run_program(program, sigreturn) == SECCOMP_RET_ALLOW) {
        const sock_filter unheard[] = {
            BPF_STMT(kLoad, offsetof(seccomp_data, arch)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 0, 3),
            BPF_STMT(kLoad, offsetof(seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        notifying.insert(notifying.end(), std::begin(unheard), std::end(unheard));
    }
    for (sock_filter instruction : program) {
        if (is_return(instruction) && !kills(instruction.k))
            instruction.k = SECCOMP_RET_USER_NOTIF;
        notifying.push_back(instruction);
    }
    return notifying;
}

std::uint32_t run_program(std::span<const sock_filter> program, const seccomp_data& call) noexcept {
    std::uint32_t accumulator = 0;
    for (std::size_t at = 0; at < program.size(); ++at) {
        const sock_filter& now = program[at];
        if (is_return(now))
            return now.k;
        if (now.code == kLoad && now.k % 4 == 0 && now.k + 4 <= sizeof call) {
            std::memcpy(&accumulator, reinterpret_cast<const std::byte*>(&call) + now.k, sizeof accumulator);
        } else if (now.code == (BPF_ALU | BPF_AND | BPF_K)) {
            accumulator &= now.k;
        } else if (now.code == (BPF_JMP | BPF_JA)) {
            at += now.k;
        } else if (BPF_CLASS(now.code) == BPF_JMP && BPF_SRC(now.code) == BPF_K) {
            at += holds(BPF_OP(now.code), accumulator, now.k) ? now.jt : now.jf;
        } else {
            break; // libseccomp writes no other
        }
    }
    return SECCOMP_RET_KILL_PROCESS;
}

int install_listened_seccomp(const sock_filter* program, unsigned short length) noexcept {
    const sock_fprog prog{length, const_cast<sock_filter*>(program)};
    const long fd = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
    return fd < 0 ? -errno : static_cast<int>(fd);
}

SeccompListener::SeccompListener(UniqueFd fd) : fd_(std::move(fd)) {
    seccomp_notif_sizes sizes{};
    if (::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0)
        throw_errno("SECCOMP_GET_NOTIF_SIZES");
    request_.resize(std::max<std::size_t>(sizes.seccomp_notif, sizeof(seccomp_notif)));
    response_.resize(std::max<std::size_t>(sizes.seccomp_notif_resp, sizeof(seccomp_notif_resp)));
}

std::optional<SeccompListener::Call> SeccompListener::wait() {
    for (;;) {
        // The reading itself would wait for ever once nobody is left.
        pollfd entry{fd_.get(), POLLIN, 0};
        if (::poll(&entry, 1, -1) < 0) {
            if (errno == EINTR)
                continue;
            throw_errno("poll");
        }
        if ((entry.revents & POLLIN) == 0) {
            if ((entry.revents & POLLHUP) != 0)
                return std::nullopt;
            continue; // POLLERR: a stop, or the freezer, has broken the kernel's look off
        }
        std::ranges::fill(request_, std::byte{}); // the kernel refuses any other (seccomp_unotify(2))
        if (::ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_RECV, request_.data()) == 0) {
            seccomp_notif notification{};
            std::memcpy(&notification, request_.data(), sizeof notification);
            return Call{notification.id, notification.data};
        }
        if (errno != ENOENT && errno != EINTR) // the caller was gone again
            throw_errno("SECCOMP_IOCTL_NOTIF_RECV");
    }
}

void SeccompListener::answer(const Call& call, std::uint32_t action) {
    seccomp_notif_resp response{};
    response.id = call.id;
    if (allows(action))
        response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    else if ((action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO)
        response.error = -static_cast<int>(action & SECCOMP_RET_DATA);
    else
        response.error = -EPERM; // the kernel has killed for it, so it does not come
    std::memcpy(response_.data(), &response, sizeof response);
    while (::ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_SEND, response_.data()) != 0)
        if (errno == ENOENT)
            return;
        else if (errno != EINTR)
            throw_errno("SECCOMP_IOCTL_NOTIF_SEND");
}

std::string system_call_name(int number) {
    struct Free {
        void operator()(char* text) const { std::free(text); }
    };
    const std::unique_ptr<char, Free> name(::seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number));
    return name ? std::string(name.get()) : "call_" + std::to_string(number);
}

} // namespace sandbox::kernel
