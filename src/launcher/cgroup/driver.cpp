#include "launcher/cgroup/driver.hpp"

#include "launcher/cgroup/cgroupfs_driver.hpp"
#include "launcher/cgroup/systemd_driver.hpp"

#include <unistd.h>

namespace sandbox::launcher {

CgroupDriver::CgroupDriver(std::unique_ptr<CgroupfsDriver> driver) : driver_(std::move(driver)) {}
CgroupDriver::CgroupDriver(std::unique_ptr<SystemdDriver> driver) : driver_(std::move(driver)) {}
CgroupDriver::CgroupDriver(CgroupDriver&&) noexcept = default;
CgroupDriver::~CgroupDriver() = default;

int CgroupDriver::poll_fd() const {
    const auto* systemd = std::get_if<std::unique_ptr<SystemdDriver>>(&driver_);
    return systemd != nullptr ? (*systemd)->poll_fd() : -1;
}

short CgroupDriver::poll_events() const {
    const auto* systemd = std::get_if<std::unique_ptr<SystemdDriver>>(&driver_);
    return systemd != nullptr ? (*systemd)->poll_events() : short{0};
}

std::optional<Duration> CgroupDriver::poll_timeout() const {
    const auto* systemd = std::get_if<std::unique_ptr<SystemdDriver>>(&driver_);
    return systemd != nullptr ? (*systemd)->poll_timeout() : std::nullopt;
}

void CgroupDriver::process() {
    if (auto* systemd = std::get_if<std::unique_ptr<SystemdDriver>>(&driver_))
        (*systemd)->process();
}

void CgroupDriver::tenant_group(const policy::Tenant& tenant, TenantGroupDone done) {
    std::visit([&](auto& driver) { driver->tenant_group(tenant, std::move(done)); }, driver_);
}

void CgroupDriver::release_tenant(const std::string& tenant) {
    std::visit([&](auto& driver) { driver->release_tenant(tenant); }, driver_);
}

std::vector<std::string> CgroupDriver::tenants() const {
    return std::visit([](const auto& driver) { return driver->tenants(); }, driver_);
}

kernel::CgroupDir CgroupDriver::open_tenant(const std::string& tenant) const {
    return std::visit([&](const auto& driver) { return driver->open_tenant(tenant); }, driver_);
}

CgroupDriver make_cgroup_driver(const policy::Site& site, std::function<pid_t()> start_holder) {
    const bool booted_by_systemd = ::access("/run/systemd/system", F_OK) == 0; // sd_booted(3)
    if (site.cgroup_driver == policy::CgroupDriver::systemd ||
        (site.cgroup_driver == policy::CgroupDriver::automatic && booted_by_systemd))
        return CgroupDriver(std::make_unique<SystemdDriver>(site, std::move(start_holder)));
    return CgroupDriver(std::make_unique<CgroupfsDriver>(site));
}

} // namespace sandbox::launcher
