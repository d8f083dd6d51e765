#include "launcher/cgroup/slice_limits.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <optional>

namespace sandbox::launcher {

namespace {

/// `NAME = VALUE` may have spaces (systemd.syntax(7)).
void add_settings(const std::string& path, std::set<std::string>& names) {
    constexpr const char* kSpaces = " \t";
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        const std::size_t sign = line.find('='), begin = line.find_first_not_of(kSpaces);
        if (sign == std::string::npos || begin >= sign)
            continue;
        const std::size_t end = line.find_last_not_of(kSpaces, sign - 1);
        names.insert(line.substr(begin, end + 1 - begin));
    }
}

} // namespace

std::set<std::string> settings_in(const std::vector<std::string>& folders) {
    std::set<std::string> names;
    for (const std::string& folder : folders) {
        std::error_code failed;
        std::filesystem::directory_iterator entry(folder, failed);
        for (; !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed))
            if (entry->path().extension() == ".conf")
                add_settings(entry->path(), names);
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
