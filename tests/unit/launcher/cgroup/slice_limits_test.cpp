#include "launcher/cgroup/slice_limits.hpp"

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <unistd.h>

using namespace sandbox;

TEST_CASE("each limit of a tenant is a property of its slice, and one that it lacks is infinity") {
    policy::Tenant tenant;
    tenant.memory_max = 2_GiB;
    tenant.cpus = 1.5;
    const auto limits = launcher::slice_limits(tenant, {});
    CHECK(limits == std::map<std::string, std::uint64_t>{{"CPUQuotaPerSecUSec", 1'500'000},
                                                         {"CPUWeight", 100},
                                                         {"MemoryMax", 2ULL << 30U},
                                                         {"TasksMax", UINT64_MAX}});
}

TEST_CASE("what an administrator gave a slice is left as it is") {
    const std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("slice-limits-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "50-MemoryMax.conf") << "# This is a drop-in\n[Slice]\nMemoryMax=1073741824\n";
    std::ofstream(folder / "override.conf") << "[Slice]\n CPUQuota = 50%\n=\n";
    std::ofstream(folder / "override.conf~") << "[Slice]\nTasksMax=5\n";
    const auto administrators = launcher::settings_in({folder.string(), folder.string() + "/none"});
    std::filesystem::remove_all(folder);
    const auto limits = launcher::slice_limits({}, administrators);
    CHECK(limits.size() == 2);
    CHECK(limits.contains("CPUWeight"));
    CHECK(limits.contains("TasksMax"));
}
