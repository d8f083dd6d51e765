#pragma once

#include "sandbox/base/error.hpp"
#include "sandbox/policy/policy.hpp"
#include "sandbox/policy/site.hpp"
#include "sandbox/policy/tenant.hpp"

#include <map>
#include <string>
#include <variant>
#include <vector>

namespace sandbox::manager {

/// The site's policies and tenants, as read last. One that is broken spoils no other: it is in the log, and
/// whoever asks for it is told.
class Catalog {
  public:
    explicit Catalog(const policy::Site& site);

    /// Reads all files again.
    void reload();

    /// Throw Error not_found with the field, or unavailable for one whose file is broken.
    const policy::Policy& policy(const std::string& name) const;
    const policy::Tenant& tenant(const std::string& name) const;

    std::vector<policy::Policy> policies() const;
    std::vector<policy::Tenant> tenants() const;

  private:
    template <typename T>
    using Entries = std::map<std::string, std::variant<T, Error>>;

    const std::string policies_dir_, tenants_dir_;
    Entries<policy::Policy> policies_;
    Entries<policy::Tenant> tenants_;
};

} // namespace sandbox::manager
