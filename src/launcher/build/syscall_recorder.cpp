#include "launcher/build/syscall_recorder.hpp"

#include "launcher/helpers/helper_process.hpp"
#include "launcher/records/session_dir.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/kernel/seccomp_notify.hpp"
#include "sandbox/protocol/init_config.hpp"

#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sandbox::launcher {
namespace {

constexpr std::uint32_t kNobody = 65534;

/// The file in the session's run folder, by the number of the call. In shared memory, so that nothing has to
/// be said or saved at the end, whoever dies first.
struct Counts {
    struct Of {
        std::uint64_t allowed = 0, refused = 0;
    };
    std::array<Of, 1024> calls; ///< the last: all beyond, which no kernel has yet
};

std::string counts_path(const LauncherContext& context, const std::string& session) {
    return run_folder(context, session) + "/system_calls";
}

void count(Counts& counts, int number, std::uint32_t action) {
    const std::size_t last = counts.calls.size() - 1;
    const bool known = number >= 0 && static_cast<std::size_t>(number) < last;
    Counts::Of& of = counts.calls.at(known ? static_cast<std::size_t>(number) : last);
    ++(kernel::allows(action) ? of.allowed : of.refused);
}

/// As the session's filter decides. A listener of the tenant's own is refused as the kernel refuses it while
/// this one is there: it would outlive this one, and answer in its place.
std::uint32_t decide(const std::vector<sock_filter>& program, const seccomp_data& call) {
    if (call.nr == SYS_seccomp && (call.args[1] & SECCOMP_FILTER_FLAG_NEW_LISTENER) != 0)
        return SECCOMP_RET_ERRNO | EBUSY;
    return kernel::run_program(program, call);
}

/// Where it fails, the session ends: before its first call here, later as nobody listens any more and its
/// calls fail with ENOSYS. It keeps the launcher's oom_score_adj, which is below the session's: its death
/// would give no memory back.
[[noreturn]] void learn(int counts_fd, int is_ready, int child, const std::vector<sock_filter>& program) {
    try {
        ::prctl(PR_SET_NAME, "sandbox-learn");
        void* memory = ::mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED, counts_fd, 0);
        if (memory == MAP_FAILED)
            throw_errno("mmap");
        Counts& counts = *static_cast<Counts*>(memory);
        close_all_but({is_ready, child});
        char nothing = 0;
        while (::read(is_ready, &nothing, 1) < 0 && errno == EINTR) {
        }
        kernel::SeccompListener listener(kernel::take_descriptor(child, protocol::init::kEndFd));
        drop_privileges_to(kNobody, kNobody);
        while (const auto call = listener.wait()) {
            const std::uint32_t action = decide(program, call->data);
            count(counts, call->data.nr, action);
            listener.answer(*call, action);
        }
    } catch (const std::exception&) {
        ::syscall(SYS_pidfd_send_signal, child, SIGKILL, nullptr, 0);
        ::_exit(1);
    }
    ::_exit(0);
}

} // namespace

SyscallRecorder::SyscallRecorder(const LauncherContext& context, const std::string& session)
    : counts_(open_fd(counts_path(context, session), O_RDWR | O_CREAT | O_EXCL, 0600)) {
    std::array<int, 2> ends{};
    if (::ftruncate(counts_.get(), sizeof(Counts)) != 0 || ::pipe2(ends.data(), O_CLOEXEC) != 0)
        throw_errno("cannot learn from session " + session);
    is_ready_ = UniqueFd(ends[0]);
    ready_ = UniqueFd(ends[1]);
}

pid_t SyscallRecorder::start(int child_pidfd, int cgroup, const std::vector<sock_filter>& program) {
    ready_.reset(); // or it would wait for itself
    const kernel::CloneResult clone = kernel::clone_process(0, cgroup);
    if (clone.pid == 0)
        learn(counts_.get(), is_ready_.get(), child_pidfd, program);
    return clone.pid;
}

std::optional<protocol::SystemCalls> read_system_calls(const LauncherContext& context,
                                                       const std::string& session) {
    const UniqueFd file(::open(counts_path(context, session).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    Counts counts;
    if (!file || ::pread(file.get(), &counts, sizeof counts, 0) != sizeof counts)
        return std::nullopt;
    protocol::SystemCalls calls;
    for (std::size_t number = 0; number < counts.calls.size(); ++number) {
        const Counts::Of& of = counts.calls[number];
        if (of.allowed + of.refused == 0)
            continue;
        const std::string name = kernel::system_call_name(static_cast<int>(number));
        if (of.allowed != 0)
            calls.allowed[name] = of.allowed;
        if (of.refused != 0)
            calls.refused[name] = of.refused;
    }
    return calls;
}

} // namespace sandbox::launcher
