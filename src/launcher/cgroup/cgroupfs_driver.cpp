#include "launcher/cgroup/cgroupfs_driver.hpp"

#include "sandbox/base/id.hpp"
#include "sandbox/base/log.hpp"

#include <algorithm>
#include <array>
#include <sstream>

namespace sandbox::launcher {
namespace {

namespace file = kernel::cgroup_file;

constexpr std::array kWanted{"cpu", "io", "memory", "pids"};

/// Hands down what is offered and wanted.
void hand_down(const kernel::CgroupDir& group) {
    const std::vector<std::string> offered = group.controllers();
    std::vector<std::string> names;
    for (const char* name : kWanted)
        if (std::ranges::find(offered, name) != offered.end())
            names.emplace_back(name);
    try {
        group.enable_controllers(names);
    } catch (const Error& error) {
        throw Error(error.code(), error.what(),
                    "the group must have no process of its own: name another cgroup_base in sandboxd.toml, "
                    "or move its processes away");
    }
}

} // namespace

CgroupfsDriver::CgroupfsDriver(const policy::Site& site) : base_(kernel::CgroupDir::open(site.cgroup_mount)) {
    std::istringstream parts(site.cgroup_base);
    for (std::string part; std::getline(parts, part, '/');) {
        if (part.empty())
            continue;
        hand_down(base_);
        base_ = base_.has_child(part) ? base_.open_child(part) : base_.create_child(part);
    }
    hand_down(base_);
}

void CgroupfsDriver::tenant_group(const policy::Tenant& tenant, const TenantGroupDone& done) const {
    try {
        kernel::CgroupDir group =
            base_.has_child(tenant.name) ? base_.open_child(tenant.name) : base_.create_child(tenant.name);
        write_tenant_limits(group, tenant);
        hand_down(group);
        done(TenantGroup{std::move(group)});
    } catch (const Error& error) {
        done(error);
    }
}

void CgroupfsDriver::release_tenant(const std::string& tenant) const {
    try {
        if (!base_.remove_child(tenant))
            log::warning({.tenant = tenant}, "the group of tenant " + tenant + " still has a process");
    } catch (const Error& error) {
        log::warning({.tenant = tenant}, "the group of tenant " + tenant + " stays: " + error.what());
    }
}

std::vector<std::string> CgroupfsDriver::tenants() const {
    std::vector<std::string> names = base_.children();
    std::erase_if(names, [](const std::string& name) { return !is_tenant_name(name); });
    return names;
}

void write_tenant_limits(const kernel::CgroupDir& group, const policy::Tenant& tenant) {
    const auto write = [&](const char* name, const std::string& value) {
        if (group.has_file(name))
            group.write(name, value);
    };
    write(file::kMemoryMax, tenant.memory_max ? std::to_string(tenant.memory_max->value) : "max");
    write(file::kCpuMax, kernel::cpu_max_text(tenant.cpus));
    write(file::kCpuWeight, std::to_string(tenant.cpu_weight));
    write(file::kPidsMax, tenant.pids_max ? std::to_string(*tenant.pids_max) : "max");
}

} // namespace sandbox::launcher
