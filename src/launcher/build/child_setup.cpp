#include "launcher/build/child_setup.hpp"

#include "launcher/build/root_fs.hpp"
#include "launcher/build/syscall_recorder.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/inheritance.hpp"
#include "sandbox/kernel/capability.hpp"
#include "sandbox/kernel/mount.hpp"
#include "sandbox/kernel/seccomp.hpp"
#include "sandbox/kernel/seccomp_notify.hpp"
#include "sandbox/protocol/init_config.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sandbox::launcher {
namespace {

namespace wire = protocol::init;

/// The steps of the child, in order; `current_` is the one that a failure is reported for.
class Child {
  public:
    explicit Child(const ChildInput& input) : in_(input) {}

    void build() {
        // Should the launcher die, nobody waits for what is half made.
        check(::prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl(PR_SET_PDEATHSIG)");
        // It may have died before that line. The parent's pid cannot tell, as it is outside this pid
        // namespace; the end of the stream does, once no copy of the launcher's end is left here.
        ::close(in_.launchers_status);
        pollfd launcher{in_.status, 0, 0};
        if (::poll(&launcher, 1, 0) != 0)
            ::_exit(1);
        enter_network();
        enter_cgroup();
        const UniqueFd proc = build_root();
        enter_user_namespace(proc.get());
        take_credentials();
        set_limits();
        arrange_descriptors();
        install_filter();
        ::_exit(exec_init());
    }

    void report(int error_number, const char* text) const {
        wire::Status status{};
        status.step = static_cast<std::uint32_t>(current_);
        status.error_number = error_number;
        ::snprintf(status.text, sizeof status.text, "%s", text);
        // Nothing to be done when even this fails: the launcher sees the end of the stream.
        [[maybe_unused]] const ssize_t sent =
            ::send(status_fd_ >= 0 ? status_fd_ : in_.status, &status, sizeof status, MSG_NOSIGNAL);
    }

  private:
    static void check(int result, const char* what) {
        if (result != 0)
            throw_errno(what);
    }

    void begin(Step step) { current_ = step; }

    void done(Step step) {
        in_.timeline.mark(step);
        current_ = static_cast<Step>(static_cast<std::uint32_t>(step) + 1);
        if (in_.fault == step) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL); // again: a changed uid has cleared it
            report(kFaultReached, "fault point");
            for (;;)
                ::pause();
        }
    }

    void enter_network() {
        begin(Step::enter_network);
        check(::setns(in_.netns, CLONE_NEWNET), "cannot enter the network namespace");
        done(Step::enter_network);
    }

    void enter_cgroup() {
        // It was born in payload/, so it only takes the namespace, whose root is the session's folder.
        check(::setns(in_.cgroup_namespace, CLONE_NEWCGROUP), "cannot enter the cgroup namespace");
        done(Step::enter_cgroup);
    }

    /// A writable /proc that is attached nowhere, also for the one write that can only be made from inside
    /// the user namespace.
    UniqueFd build_root() {
        begin(Step::root);
        ::umask(0);
        UniqueFd proc =
            kernel::new_filesystem("proc", {}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        const UniqueFd score = open_fd_at(proc.get(), "self/oom_score_adj", O_WRONLY);
        write_all(score.get(), std::to_string(kOomScore), "oom_score_adj");
        if (!in_.label.empty()) {
            // For the exec to come, as setexeccon(3) does: later no /proc is there that can be written.
            const UniqueFd attribute = open_fd_at(proc.get(), "self/attr/exec", O_WRONLY);
            write_all(attribute.get(), in_.label, "the SELinux context of the session");
        }
        enter_new_root(in_.spec, in_.anchor, [this](Step step) { done(step); });
        check(::sethostname(kHostName, std::strlen(kHostName)), "cannot set the host name");
        return proc;
    }

    void enter_user_namespace(int proc) {
        begin(Step::user_namespace);
        // While it is still allowed: in the new namespace setgroups is denied for good.
        check(::setgroups(0, nullptr), "cannot drop the groups");
        check(::unshare(CLONE_NEWUSER), "cannot make a user namespace");
        done(Step::user_namespace);
        report(0, "");
        char answer = 0;
        if (::recv(in_.status, &answer, 1, 0) != 1)
            ::_exit(1); // the launcher is gone
        begin(Step::credentials);
        // None below this one: most privilege escalations of the kernel begin with a user namespace of one's
        // own.
        const UniqueFd limit = open_fd_at(proc, "sys/user/max_user_namespaces", O_WRONLY);
        write_all(limit.get(), "0", "max_user_namespaces");
    }

    void take_credentials() {
        // A changed uid would take the capabilities that the next step drops, the bounding set's too, away
        // too early.
        check(::prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP), "prctl(PR_SET_SECUREBITS)");
        check(::setresgid(kInsideUid, kInsideUid, kInsideUid), "cannot take the session's gid");
        check(::setresuid(kInsideUid, kInsideUid, kInsideUid), "cannot take the session's uid");
        if (const int error_number = kernel::drop_all_capabilities(); error_number != 0)
            throw errno_error(error_number, "cannot drop the capabilities");
        // A keyring of its own: root's is not for tenants (session-keyring(7)).
        if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) < 0 && errno != ENOSYS)
            throw_errno("cannot leave the session keyring");
        check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)");
        done(Step::credentials);
    }

    void set_limits() {
        for (const ResourceLimit& limit : in_.spec.limits) {
            rlimit now{};
            const auto resource = static_cast<__rlimit_resource>(limit.resource);
            check(::getrlimit(resource, &now), "getrlimit");
            // Down only: nobody here may raise a hard limit.
            const rlim_t value = std::min<rlim_t>(limit.value, now.rlim_max);
            const rlimit wanted{value, value};
            check(::setrlimit(resource, &wanted), "setrlimit");
        }
        // No terminal of the launcher's: its signals and its hang-up are none of the sandbox's.
        check(::setsid() > 0 ? 0 : -1, "setsid");
        ::personality(PER_LINUX);
        ::umask(022);
        done(Step::limits);
    }

    /// 0 to 2 are /dev/null, those of protocol::init::Descriptor stand at their places, all others close on
    /// exec.
    void arrange_descriptors() {
        begin(Step::seccomp);
        constexpr int kAbove = 64; // so that no source is overwritten by a destination
        const auto lift = [](int fd) {
            const int lifted = ::fcntl(fd, F_DUPFD_CLOEXEC, kAbove);
            if (lifted < 0)
                throw_errno("cannot move a descriptor");
            return lifted;
        };
        const int null = lift(open_fd("/dev/null", O_RDWR).get());
        const std::array<std::pair<int, int>, 12> spec{{{null, 0},
                                                        {null, 1},
                                                        {null, 2},
                                                        {lift(in_.config), wire::kConfigFd},
                                                        {lift(in_.status), wire::kStatusFd},
                                                        {lift(in_.record), wire::kRecordFd},
                                                        {lift(in_.payload_procs), wire::kPayloadFd},
                                                        {lift(in_.init_procs), wire::kInitFd},
                                                        {lift(in_.logs[0]), wire::kLogFds},
                                                        {lift(in_.logs[1]), wire::kLogFds + 1},
                                                        {lift(in_.logs[2]), wire::kLogFds + 2},
                                                        {lift(in_.logs[3]), wire::kLogFds + 3}}};
        image_ = lift(in_.init_image);
        if (in_.learner >= 0) {
            // The only copy: the learner waits for its end.
            const int lifted = lift(in_.learner);
            ::close(in_.learner);
            if (::dup3(lifted, kReadyFd, O_CLOEXEC) != kReadyFd)
                throw_errno("cannot place a descriptor");
            ::close(lifted);
        }
        for (const auto& [source, target] : spec)
            if (::dup2(source, target) != target)
                throw_errno("cannot place a descriptor");
        status_fd_ = wire::kStatusFd;
        if (::close_range(wire::kEndFd, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
            throw_errno("close_range");
        // Where the learner looks for its listener: the lowest free number.
        if (in_.learner >= 0)
            ::close(wire::kEndFd);
    }

    void install_filter() {
        reset_signals();
        in_.timeline.mark(Step::seccomp); // ahead of time: afterwards only what the policy allows works
        if (in_.fault == Step::seccomp)
            done(Step::seccomp);
        const auto length = static_cast<unsigned short>(in_.seccomp.size());
        if (in_.learner >= 0) {
            const int listener = kernel::install_listened_seccomp(in_.seccomp.data(), length);
            if (listener < 0)
                throw errno_error(-listener, "cannot install a seccomp filter with a listener");
            if (listener != wire::kEndFd)
                __builtin_trap(); // any call would wait for ever, also one to say so
            ::close(kReadyFd);
        } else if (const int error_number = kernel::install_seccomp(in_.seccomp.data(), length);
                   error_number != 0) {
            throw errno_error(error_number, "cannot install the seccomp filter");
        }
        current_ = Step::exec_init;
    }

    int exec_init() const {
        char name[] = "sandbox-init";
        char* const argv[] = {name, nullptr};
        char* const environment[] = {nullptr};
        ::syscall(SYS_execveat, image_, "", argv, environment, AT_EMPTY_PATH);
        report(errno, "cannot execute sandbox-init");
        return 1;
    }

    const ChildInput& in_;
    Step current_ = Step::enter_network;
    int status_fd_ = -1;
    int image_ = -1;
};

} // namespace

void run_child(const ChildInput& input) noexcept {
    Child child(input);
    try {
        child.build();
    } catch (const std::exception& error) {
        // The text holds the errno's words already.
        child.report(errno != 0 ? errno : EIO, error.what());
    }
    ::_exit(1);
}

} // namespace sandbox::launcher
