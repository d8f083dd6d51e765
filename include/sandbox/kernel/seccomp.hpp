#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <linux/filter.h>

namespace sandbox::kernel {

/// What to compile: plain data, so that the caller's own profile format stays its own. Values are the
/// kernel's (SECCOMP_RET_*, seccomp(2)); names of system calls are resolved by libseccomp, unknown ones are
/// reported.
struct SeccompArgumentMatch {
    unsigned index = 0;
    unsigned op = 0; ///< enum scmp_compare of libseccomp
    std::uint64_t value = 0;
    std::uint64_t value_two = 0;
};

struct SeccompSyscallRule {
    std::string name;
    std::uint32_t action = 0; ///< SCMP_ACT_*
    std::vector<SeccompArgumentMatch> arguments;
};

struct SeccompFilter {
    std::uint32_t default_action = 0; ///< SCMP_ACT_*
    std::vector<SeccompSyscallRule> rules;
};

struct CompiledSeccomp {
    std::vector<sock_filter> program;
    std::vector<std::string>
        unknown_names; ///< calls that this libseccomp or architecture does not know: left out
};

/// Compiles for the native architecture alone; calls of any other (int 0x80, x32) kill the process.
CompiledSeccomp compile_seccomp(const SeccompFilter& filter);

/// Installs a program in the calling thread: for the child between clone and exec, so it allocates nothing,
/// throws nothing and says 0 or an errno. no_new_privs must be set.
int install_seccomp(const sock_filter* program, unsigned short length) noexcept;

} // namespace sandbox::kernel
