#include "in_child.hpp"
#include "sandbox/kernel/seccomp.hpp"

#include <cerrno>
#include <csignal>

#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

using namespace sandbox::kernel;

namespace {

int under(const SeccompFilter& filter, const std::function<int()>& body) {
    const CompiledSeccomp compiled = compile_seccomp(filter);
    return in_child([&] {
        if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
            install_seccomp(compiled.program.data(), static_cast<unsigned short>(compiled.program.size())) !=
                0)
            return 98;
        return body();
    });
}

const SeccompFilter kNoPpid{SCMP_ACT_ALLOW, {{"getppid", SCMP_ACT_ERRNO(ENOTTY), {}}}};

} // namespace

TEST_CASE("a rule's errno reaches the caller, other calls pass") {
    CHECK(under(kNoPpid, [] {
              return ::syscall(SYS_getppid) == -1 && errno == ENOTTY && ::syscall(SYS_getpid) > 0 ? 0 : 1;
          }) == 0);
}

TEST_CASE("a rule looks at arguments") {
    const SeccompFilter filter{SCMP_ACT_ALLOW,
                               {{"kill", SCMP_ACT_ERRNO(EPERM), {{1, SCMP_CMP_EQ, SIGUSR1, 0}}}}};
    CHECK(under(filter, [] {
              return ::kill(::getpid(), 0) == 0 && ::kill(::getpid(), SIGUSR1) == -1 && errno == EPERM ? 0
                                                                                                       : 1;
          }) == 0);
}

TEST_CASE("a 32-bit call kills the process: its numbers mean other calls") {
    CHECK(under(kNoPpid, [] {
              long result = 20; // getpid of i386
              asm volatile("int $0x80" : "+a"(result)::"memory");
              return 0;
          }) == 128 + SIGSYS);
}

TEST_CASE("an x32 call is not let through") {
    CHECK(under({SCMP_ACT_ALLOW, {{"getppid", SCMP_ACT_ERRNO(EPERM), {}}}},
                [] { return ::syscall(0x40000000 + SYS_getppid) > 0 ? 1 : 0; }) != 1);
}

TEST_CASE("names that nobody knows are reported, not swallowed") {
    const CompiledSeccomp compiled =
        compile_seccomp({SCMP_ACT_ERRNO(EPERM), {{"no_such_call", SCMP_ACT_ALLOW, {}}}});
    CHECK(compiled.unknown_names == std::vector<std::string>{"no_such_call"});
}

TEST_CASE("without no_new_privs and privilege the kernel's refusal is handed on") {
    CHECK(in_child([] {
              if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0)
                  return 1;
              const CompiledSeccomp compiled = compile_seccomp(kNoPpid);
              return install_seccomp(compiled.program.data(),
                                     static_cast<unsigned short>(compiled.program.size())) == EACCES
                         ? 0
                         : 2;
          }) == 0);
}
