#include "launcher/build/seccomp_program.hpp"

#include "sandbox/base/log.hpp"
#include "sandbox/kernel/seccomp.hpp"

#include <cerrno>

#include <seccomp.h>

namespace sandbox::launcher {
namespace {

constexpr std::size_t kKept = 16;

std::uint32_t libseccomp_action(policy::SeccompAction action, unsigned errno_value) {
    switch (action) {
    case policy::SeccompAction::allow:
        return SCMP_ACT_ALLOW;
    case policy::SeccompAction::error:
        return SCMP_ACT_ERRNO(errno_value);
    case policy::SeccompAction::kill_process:
        return SCMP_ACT_KILL_PROCESS;
    case policy::SeccompAction::kill_thread:
        return SCMP_ACT_KILL_THREAD;
    case policy::SeccompAction::log:
        return SCMP_ACT_LOG;
    case policy::SeccompAction::trap:
        return SCMP_ACT_TRAP;
    }
    return SCMP_ACT_KILL_PROCESS;
}

unsigned libseccomp_operator(policy::SeccompOperator op) {
    switch (op) {
    case policy::SeccompOperator::not_equal:
        return SCMP_CMP_NE;
    case policy::SeccompOperator::less:
        return SCMP_CMP_LT;
    case policy::SeccompOperator::less_equal:
        return SCMP_CMP_LE;
    case policy::SeccompOperator::equal:
        return SCMP_CMP_EQ;
    case policy::SeccompOperator::greater_equal:
        return SCMP_CMP_GE;
    case policy::SeccompOperator::greater:
        return SCMP_CMP_GT;
    case policy::SeccompOperator::masked_equal:
        return SCMP_CMP_MASKED_EQ;
    }
    return SCMP_CMP_EQ;
}

kernel::SeccompFilter to_filter(const policy::SeccompProfile& profile) {
    kernel::SeccompFilter filter;
    filter.default_action = libseccomp_action(profile.default_action, profile.default_errno.value_or(EPERM));
    for (const policy::SeccompRule& rule : profile.rules)
        for (const std::string& name : rule.names) {
            kernel::SeccompSyscallRule compiled{
                name, libseccomp_action(rule.action, rule.errno_value.value_or(EPERM)), {}};
            for (const policy::SeccompArgument& argument : rule.arguments)
                compiled.arguments.push_back(
                    {argument.index, libseccomp_operator(argument.op), argument.value, argument.value_two});
            filter.rules.push_back(std::move(compiled));
        }
    return filter;
}

} // namespace

const std::vector<sock_filter>& SeccompPrograms::get(const std::string& digest,
                                                     const policy::SeccompProfile& profile) {
    for (const Entry& entry : entries_)
        if (entry.digest == digest)
            return entry.program;
    kernel::CompiledSeccomp compiled = kernel::compile_seccomp(to_filter(profile));
    for (const std::string& name : compiled.unknown_names)
        log::debug("seccomp profile: this system does not know the call " + name);
    if (entries_.size() == kKept)
        entries_.erase(entries_.begin());
    return entries_.emplace_back(Entry{digest, std::move(compiled.program)}).program;
}

} // namespace sandbox::launcher
