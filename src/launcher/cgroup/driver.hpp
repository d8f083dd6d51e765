#pragma once

#include "sandbox/base/duration.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/kernel/cgroup.hpp"
#include "sandbox/policy/site.hpp"
#include "sandbox/policy/tenant.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <sys/types.h>

namespace sandbox::launcher {

/// A tenant's group: its sessions are folders in it.
struct TenantGroup {
    kernel::CgroupDir dir;
};

using TenantGroupDone = std::function<void(std::variant<TenantGroup, Error>)>;

class CgroupfsDriver;
class SystemdDriver;

/// Makes the tenants' groups: by systemd (chimerax.slice / chimerax-TENANT.slice / chimerax-TENANT.scope,
/// delegated), or by itself below a folder of the cgroup file system. Below a tenant's group there is no
/// difference.
class CgroupDriver {
  public:
    explicit CgroupDriver(std::unique_ptr<CgroupfsDriver> driver);
    explicit CgroupDriver(std::unique_ptr<SystemdDriver> driver);
    CgroupDriver(CgroupDriver&&) noexcept;
    ~CgroupDriver();

    /// For the server's loop: poll(2) this (-1: nothing to poll), and call `process` afterwards and at the
    /// time-out.
    int poll_fd() const;
    short poll_events() const;
    std::optional<Duration> poll_timeout() const;
    void process();

    /// Calls `done`, at once or from `process`, with the tenant's group; its limits are those of `tenant`,
    /// also when they have changed.
    void tenant_group(const policy::Tenant& tenant, TenantGroupDone done);
    /// Removes the group of a tenant that has no session.
    void release_tenant(const std::string& tenant);
    /// Tenants that have a group now, those from before this start included.
    std::vector<std::string> tenants() const;
    kernel::CgroupDir open_tenant(const std::string& tenant) const;

  private:
    std::variant<std::unique_ptr<CgroupfsDriver>, std::unique_ptr<SystemdDriver>> driver_;
};

/// By the site's settings; `automatic` is systemd where it is PID 1. `start_holder` starts the process that
/// keeps a scope. Throws Error unsupported, with the cure, where the host has no unified cgroup v2.
CgroupDriver make_cgroup_driver(const policy::Site& site, std::function<pid_t()> start_holder);

/// The settings of a tenant's group as files of cgroup v2, for the driver cgroupfs. Controllers that are
/// missing are left out.
void write_tenant_limits(const kernel::CgroupDir& group, const policy::Tenant& tenant);

} // namespace sandbox::launcher
