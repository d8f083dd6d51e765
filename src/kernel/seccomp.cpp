#include "sandbox/kernel/seccomp.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/unique_fd.hpp"

#include <cerrno>
#include <memory>

#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sandbox::kernel {
namespace {

void check(int result, const std::string& what) {
    if (result < 0)
        throw errno_error(-result, "seccomp: " + what);
}

struct Release {
    void operator()(void* context) const { ::seccomp_release(context); }
};

std::vector<sock_filter> export_program(scmp_filter_ctx context) {
    const UniqueFd memory(::memfd_create("seccomp", MFD_CLOEXEC));
    if (!memory)
        throw_errno("memfd_create");
    check(::seccomp_export_bpf(context, memory.get()), "cannot export the filter");
    struct stat status {};
    if (::fstat(memory.get(), &status) != 0)
        throw_errno("fstat");
    std::vector<sock_filter> program(static_cast<std::size_t>(status.st_size) / sizeof(sock_filter));
    if (::pread(memory.get(), program.data(), static_cast<std::size_t>(status.st_size), 0) != status.st_size)
        throw_errno("cannot read the filter");
    return program;
}

} // namespace

CompiledSeccomp compile_seccomp(const SeccompFilter& filter) {
    const std::unique_ptr<void, Release> context(::seccomp_init(filter.default_action));
    if (!context)
        throw Error(Errc::invalid_argument, "seccomp does not take the default action of the profile");
    check(::seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS),
          "bad architecture");
    // A binary tree in place of a list: each call of ChimeraX passes through it.
    check(::seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimisation");
    CompiledSeccomp compiled;
    for (const SeccompSyscallRule& rule : filter.rules) {
        if (rule.action == filter.default_action)
            continue; // libseccomp refuses what says nothing new
        const int number = ::seccomp_syscall_resolve_name(rule.name.c_str());
        if (number == __NR_SCMP_ERROR || number < 0) {
            compiled.unknown_names.push_back(rule.name);
            continue;
        }
        std::vector<scmp_arg_cmp> arguments;
        for (const SeccompArgumentMatch& match : rule.arguments)
            arguments.push_back(
                {match.index, static_cast<scmp_compare>(match.op), match.value, match.value_two});
        check(::seccomp_rule_add_exact_array(context.get(), rule.action, number,
                                             static_cast<unsigned>(arguments.size()), arguments.data()),
              "cannot add the rule for " + rule.name);
    }
    compiled.program = export_program(context.get());
    return compiled;
}

int install_seccomp(const sock_filter* program, unsigned short length) noexcept {
    const sock_fprog prog{length, const_cast<sock_filter*>(program)};
    // Without flags. SPEC_ALLOW is left off: tenants share caches with each other.
    return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0 ? 0 : errno;
}

} // namespace sandbox::kernel
