#pragma once

#include "sandbox/policy/policy_set.hpp"

#include <string>
#include <vector>

namespace sandbox::manager {

/// The site's policies and tenants, as read last. One that is broken spoils no other: it is in the log, and
/// whoever asks for it is told.
class PolicyCatalog {
  public:
    explicit PolicyCatalog(const policy::Site& site);

    /// All at once.
    void replace(policy::Rulebook rulebook);
    const policy::Rulebook& rulebook() const { return rulebook_; }

    /// Throw Error not_found with the field, or unavailable for one whose file is broken.
    const policy::Policy& policy(const std::string& name) const;
    const policy::Tenant& tenant(const std::string& name) const;

    std::vector<policy::Policy> policies() const;
    std::vector<policy::Tenant> tenants() const;

  private:
    policy::Rulebook rulebook_;
};

} // namespace sandbox::manager
