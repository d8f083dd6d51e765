#include "usage.hpp"

#include "sandbox/base/error.hpp"

namespace sandbox::manager {
namespace {

/// nullopt also for a folder that has just been removed.
std::optional<std::uint64_t> read_number(const kernel::CgroupDir& group, const char* file) {
    try {
        if (group.has_file(file))
            return group.read_u64(file);
    } catch (const Error&) {
    }
    return std::nullopt;
}

std::optional<Bytes> read_bytes(const kernel::CgroupDir& group, const char* file) {
    const auto number = read_number(group, file);
    return number ? std::optional(Bytes{*number}) : std::nullopt;
}

std::optional<double> read_cpu_seconds(const kernel::CgroupDir& group) {
    try {
        const auto stat = group.read_keyed(kernel::cgroup_file::kCpuStat);
        const auto usage = stat.find("usage_usec");
        if (usage != stat.end())
            return static_cast<double>(usage->second) / 1e6;
    } catch (const Error&) {
    }
    return std::nullopt;
}

} // namespace

SessionView::Usage read_usage(const kernel::CgroupDir& session) {
    using namespace kernel::cgroup_file;
    SessionView::Usage usage;
    usage.memory = read_bytes(session, kMemoryCurrent);
    usage.memory_peak = read_bytes(session, kMemoryPeak);
    usage.cpu_seconds = read_cpu_seconds(session);
    usage.pids = read_number(session, kPidsCurrent);
    return usage;
}

} // namespace sandbox::manager
