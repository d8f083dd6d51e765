#include "slice_limits.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <optional>

namespace sandbox::launcher {

std::set<std::string> settings_in(const std::vector<std::string>& folders) {
    std::set<std::string> names;
    for (const std::string& folder : folders) {
        std::error_code ignored;
        for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
            if (entry.path().extension() != ".conf")
                continue;
            std::ifstream file(entry.path());
            for (std::string line; std::getline(file, line);)
                if (const std::size_t sign = line.find('='); sign != std::string::npos)
                    names.insert(line.substr(0, sign));
        }
    }
    return names;
}

std::map<std::string, std::uint64_t> slice_limits(const policy::Tenant& tenant,
                                                  const std::set<std::string>& administrators) {
    constexpr std::uint64_t kInfinity = UINT64_MAX;
    std::map<std::string, std::uint64_t> limits;
    const auto add = [&](const char* property, const char* setting, std::optional<std::uint64_t> value) {
        if (!administrators.contains(setting))
            limits.emplace(property, value.value_or(kInfinity));
    };
    add("MemoryMax", "MemoryMax",
        tenant.memory_max ? std::optional<std::uint64_t>(tenant.memory_max->value) : std::nullopt);
    add("CPUQuotaPerSecUSec", "CPUQuota",
        tenant.cpus ? std::optional(static_cast<std::uint64_t>(std::llround(*tenant.cpus * 1e6)))
                    : std::nullopt);
    add("CPUWeight", "CPUWeight", tenant.cpu_weight);
    add("TasksMax", "TasksMax", tenant.pids_max);
    return limits;
}

} // namespace sandbox::launcher
