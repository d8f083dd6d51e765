#pragma once

#include "launcher/cgroup/driver.hpp"

namespace sandbox::launcher {

/// BASE/TENANT below the cgroup mount. Everything is done at once: there is nobody to ask.
class CgroupfsDriver {
  public:
    explicit CgroupfsDriver(const policy::Site& site);

    void tenant_group(const policy::Tenant& tenant, const TenantGroupDone& done) const;
    void release_tenant(const std::string& tenant) const;
    std::vector<std::string> tenants() const;
    kernel::CgroupDir open_tenant(const std::string& tenant) const { return base_.open_child(tenant); }

  private:
    kernel::CgroupDir base_;
};

} // namespace sandbox::launcher
