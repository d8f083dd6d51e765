#include "launcher/operations/update_limits.hpp"

#include "sandbox/base/error.hpp"

namespace sandbox::launcher {
namespace {

namespace file = kernel::cgroup_file;

void need_file(const kernel::CgroupDir& group, const char* name, const std::string& field) {
    if (!group.has_file(name))
        throw Error(Errc::unsupported, std::string(name) + " is not there: the host lacks its controller",
                    "Boot with the unified cgroup hierarchy.", field);
}

/// Below what is in use the kernel would reclaim, and then kill: nobody means that.
void check_memory_in_use(const kernel::CgroupDir& session, Bytes wanted) {
    const std::uint64_t used = session.read_u64(file::kMemoryCurrent).value_or(0);
    if (wanted.value < used)
        throw Error(Errc::conflict,
                    "the session uses " + Bytes{used}.text() + ", more than a limit of " + wanted.text(),
                    "Free memory in it first, or ask for more.", "memory_max");
}

} // namespace

std::vector<CgroupSetting> change_limits(const Rules& rules, Sandbox& sandbox,
                                         const protocol::SetLimits& request) {
    const policy::LoadedPolicy& loaded = rules.policy(sandbox.facts.policy);
    if (loaded.policy.digest != sandbox.facts.digest)
        throw Error(Errc::conflict, "policy " + sandbox.facts.policy + " is another one now",
                    "Make a new session.", "policy");
    const policy::Policy wanted =
        policy::apply_overrides(loaded.policy, {request.memory_max, request.cpus, request.pids_max, {}});
    const kernel::CgroupDir& session = sandbox.cgroup;
    const kernel::CgroupDir payload = session.open_child("payload");
    if (request.memory_max) {
        need_file(session, file::kMemoryMax, "memory_max");
        check_memory_in_use(session, *request.memory_max);
    }
    if (request.cpus)
        need_file(session, file::kCpuMax, "cpus");
    if (request.pids_max)
        need_file(payload, file::kPidsMax, "pids_max");
    std::vector<CgroupSetting> changed;
    if (request.memory_max) {
        const auto& high = wanted.resources.memory_high;
        changed.push_back(
            {Group::session, file::kMemoryHigh, high ? std::to_string(high->value) : "max", "memory"});
        changed.push_back(
            {Group::session, file::kMemoryMax, std::to_string(request.memory_max->value), "memory"});
    }
    if (request.cpus)
        changed.push_back({Group::session, file::kCpuMax, kernel::cpu_max_text(request.cpus), "cpu"});
    if (request.pids_max)
        changed.push_back({Group::payload, file::kPidsMax, std::to_string(*request.pids_max), "pids"});
    for (const CgroupSetting& setting : changed)
        (setting.group == Group::payload ? payload : session).write(setting.file.c_str(), setting.value);
    sandbox.facts.memory_max = request.memory_max.value_or(sandbox.facts.memory_max);
    if (request.cpus)
        sandbox.facts.cpus = request.cpus;
    sandbox.facts.pids_max = request.pids_max.value_or(sandbox.facts.pids_max);
    return changed;
}

} // namespace sandbox::launcher
