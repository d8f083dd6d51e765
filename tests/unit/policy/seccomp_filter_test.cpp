// The shipped profile as a filter of the kernel: each call is made for real in a child that installed it.

#include "policy_folder.hpp"
#include "sandbox/policy/loaded_policy.hpp"

#include <cerrno>
#include <cstdlib>
#include <set>
#include <sstream>

#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace sandbox;
using namespace sandbox::policy;
using namespace sandbox::policy::test;

namespace {

std::uint32_t action_of(SeccompAction action, unsigned errno_value) {
    return action == SeccompAction::allow ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(errno_value);
}

scmp_compare operator_of(SeccompOperator op) {
    return op == SeccompOperator::equal     ? SCMP_CMP_EQ
           : op == SeccompOperator::greater ? SCMP_CMP_GT
           : op == SeccompOperator::masked_equal
               ? SCMP_CMP_MASKED_EQ
               : throw Error(Errc::internal, "operator that the test lacks");
}

/// Returns 0, or an errno.
int install(const SeccompProfile& profile) {
    scmp_filter_ctx context =
        ::seccomp_init(action_of(profile.default_action, profile.default_errno.value_or(EPERM)));
    for (const SeccompRule& rule : profile.rules)
        for (const std::string& name : rule.names) {
            const int number = ::seccomp_syscall_resolve_name(name.c_str());
            std::vector<scmp_arg_cmp> arguments;
            for (const SeccompArgument& argument : rule.arguments)
                arguments.push_back(
                    {argument.index, operator_of(argument.op), argument.value, argument.value_two});
            if (number == __NR_SCMP_ERROR)
                continue;
            if (const int error = ::seccomp_rule_add_array(
                    context, action_of(rule.action, rule.errno_value.value_or(EPERM)), number,
                    static_cast<unsigned>(arguments.size()), arguments.data()))
                return -error;
        }
    return -::seccomp_load(context);
}

SeccompProfile shipped_profile() {
    return load_whole_policy({SHIPPED_POLICIES}, "default", Trust::any_owner).seccomp;
}

/// The errno of a call that is made under the shipped profile, 0 for success; 255 where the filter failed.
int under_filter(const std::function<long()>& call) {
    const SeccompProfile profile = shipped_profile();
    const pid_t pid = ::fork();
    if (pid == 0) {
        if (install(profile) != 0)
            ::_exit(255);
        errno = 0;
        ::_exit(call() < 0 ? errno : 0);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int made(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
    return under_filter([=] { return ::syscall(number, a, b, c, d, e); });
}

constexpr long kHigh = 1L << 32;

} // namespace

TEST_CASE("what ChimeraX and sandbox-init call is allowed: the kernel's own answer comes back") {
    CHECK(made(SYS_getpid) == 0);
    CHECK(made(SYS_getrandom, 0, 0, 0) == 0);
    CHECK(made(SYS_close, 999) == EBADF);
    CHECK(made(SYS_kill, 0, 0) == 0);
    CHECK(made(SYS_execveat, -1, 0, 0, 0, 0) != EPERM);
    CHECK(made(SYS_prctl, PR_SET_NAME, reinterpret_cast<long>("x")) == 0);
    CHECK(under_filter([] {
              const pid_t pid = ::fork();
              if (pid == 0)
                  ::_exit(0);
              return static_cast<long>(pid > 0 && ::waitpid(pid, nullptr, 0) == pid ? 0 : -1);
          }) == 0);
    CHECK(under_filter([] { return static_cast<long>(std::system("exit 0")); }) == 0);
}

TEST_CASE("every call of the measured list, and every one of sandbox-init, is in the profile") {
    std::istringstream needed(
        "accept4 access arch_prctl bind brk clone clone3 clock_nanosleep close close_range connect "
        "dup dup2 epoll_create1 eventfd2 execve exit exit_group fadvise64 fcntl flock fstatfs futex "
        "getcwd getdents64 getegid geteuid getgid getpid getppid getrandom getsockname gettid "
        "getuid ioctl listen lseek madvise mkdir mmap mprotect munmap newfstatat openat pipe2 poll "
        "prctl pread64 prlimit64 read readlink recvfrom rename restart_syscall rmdir rseq "
        "rt_sigaction rt_sigprocmask rt_sigreturn sched_getaffinity sched_setaffinity sendmmsg "
        "sendto set_robust_list set_tid_address setsockopt shutdown sigaltstack socket statx "
        "sysinfo uname unlink vfork wait4 write epoll_wait ppoll select fstat stat unlinkat "
        "renameat2 ftruncate fsync chdir symlink pwrite64 writev recvmsg sendmsg socketpair "
        "getrusage kill tgkill mremap membarrier sched_yield getsockopt pselect6 memfd_create "
        "copy_file_range signalfd4 waitid clock_gettime dup3 setsid execveat ");
    std::set<std::string> named;
    for (const SeccompRule& rule : shipped_profile().rules)
        named.insert(rule.names.begin(), rule.names.end());
    for (std::string name; needed >> name;) {
        INFO(name);
        CHECK(named.contains(name));
    }
}

TEST_CASE("clone3 does not exist, and clone makes no namespace") {
    CHECK(made(SYS_clone3, 0, 0) == ENOSYS);
    for (const long flag : {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER,
                            CLONE_NEWPID, CLONE_NEWNET, 0x80}) {
        CHECK(made(SYS_clone, flag | SIGCHLD) == EPERM);
        CHECK(made(SYS_clone, flag | kHigh | SIGCHLD) == EPERM);
        CHECK(made(SYS_unshare, flag) == EPERM);
    }
}

TEST_CASE("calls that open the kernel to a tenant are refused") {
    for (const long number : {SYS_unshare,
                              SYS_setns,
                              SYS_mount,
                              SYS_umount2,
                              SYS_fsopen,
                              SYS_fsmount,
                              SYS_fsconfig,
                              SYS_fspick,
                              SYS_open_tree,
                              SYS_move_mount,
                              SYS_mount_setattr,
                              SYS_pivot_root,
                              SYS_chroot,
                              SYS_io_uring_setup,
                              SYS_io_uring_enter,
                              SYS_io_uring_register,
                              SYS_bpf,
                              SYS_perf_event_open,
                              SYS_userfaultfd,
                              SYS_keyctl,
                              SYS_add_key,
                              SYS_request_key,
                              SYS_ptrace,
                              SYS_process_vm_readv,
                              SYS_process_vm_writev,
                              SYS_kexec_load,
                              SYS_kexec_file_load,
                              SYS_init_module,
                              SYS_finit_module,
                              SYS_delete_module,
                              SYS_mknod,
                              SYS_mknodat,
                              SYS_syslog,
                              SYS_reboot,
                              SYS_swapon,
                              SYS_settimeofday,
                              SYS_clock_settime,
                              SYS_setgroups,
                              SYS_setuid,
                              SYS_sethostname,
                              SYS_name_to_handle_at,
                              SYS_open_by_handle_at,
                              SYS_fanotify_init,
                              SYS_seccomp,
                              SYS_pidfd_getfd,
                              SYS_kcmp,
                              SYS_modify_ldt,
                              SYS_iopl,
                              SYS_ioperm,
                              SYS_quotactl,
                              SYS_acct,
                              SYS_vmsplice,
                              SYS_memfd_secret,
                              SYS_move_pages,
                              SYS_sync,
                              SYS_msgget,
                              SYS_shmget,
                              SYS_semget}) {
        INFO("call " << number);
        CHECK(made(number, -1, -1, -1, -1) == EPERM);
    }
}

TEST_CASE("the personality can be asked for and left at the default, not changed") {
    CHECK(made(SYS_personality, 0xffffffff) == 0);
    CHECK(made(SYS_personality, 0) == 0);
    CHECK(made(SYS_personality, 0x0400000) == EPERM);
    CHECK(made(SYS_personality, 0x0040000) == EPERM);
}

TEST_CASE(
    "text cannot be put into a terminal, whatever the high bits say; all else of ioctl is the kernel's") {
    for (const long request : {0x5412L, 0x541CL})
        for (const long high : {0L, kHigh, ~0L << 32})
            CHECK(made(SYS_ioctl, 999, request | high) == EPERM);
    for (const long request : {0L, 0x5401L, 0x5410L, 0x5411L, 0x5413L, 0x541BL, 0x541DL, 0x541FL, 0x5421L,
                               0x5451L, 0x8912L, 0x40049409L, 0xc0106400L, 0x15412L, 0xffffffffL, ~0L})
        CHECK(made(SYS_ioctl, 999, request) == EBADF);
}

TEST_CASE("sockets are unix, TCP and UDP; other families do not exist") {
    for (const int family : {AF_INET, AF_INET6})
        for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
            const int answer = made(SYS_socket, family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
            // A host without IPv6 says so itself.
            CHECK((answer == 0 || (family == AF_INET6 && answer == EAFNOSUPPORT)));
        }
    CHECK(made(SYS_socket, AF_UNIX, SOCK_SEQPACKET, 0) == 0);
    CHECK(made(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, 0) == EFAULT);
    CHECK(made(SYS_socketpair, AF_TIPC, SOCK_STREAM, 0, 0) == EPERM);
    CHECK(made(SYS_socket, AF_INET, SOCK_RAW, IPPROTO_ICMP) == EPERM);
    CHECK(made(SYS_socket, AF_INET, SOCK_RAW | kHigh, IPPROTO_ICMP) == EPERM);
    CHECK(made(SYS_socket, AF_INET, SOCK_DGRAM, IPPROTO_ICMP) == EPERM);
    CHECK(made(SYS_socket, AF_INET, SOCK_STREAM, IPPROTO_SCTP) == EPERM);
    CHECK(made(SYS_socket, AF_INET, SOCK_PACKET, 0) == EPERM);
    for (int family = 0; family < 50; ++family)
        if (family != AF_UNIX && family != AF_INET && family != AF_INET6) {
            INFO("family " << family);
            CHECK(made(SYS_socket, family, SOCK_STREAM, 0) == EAFNOSUPPORT);
            CHECK(made(SYS_socket, family, SOCK_RAW, 0) == EAFNOSUPPORT);
        }
    CHECK(made(SYS_socket, AF_NETLINK | kHigh, SOCK_RAW, 0) == EAFNOSUPPORT);
}
