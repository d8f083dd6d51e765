#include "catalog.hpp"

#include "sandbox/base/log.hpp"
#include "sandbox/policy/loader.hpp"

namespace sandbox::manager {
namespace {

template <typename Entries, typename Load>
void load_all(Entries& entries, const std::vector<std::string>& names, const Load& load) {
    entries.clear();
    for (const std::string& name : names) {
        try {
            entries.emplace(name, load(name));
        } catch (const Error& error) {
            log::error("left out: " + error.full());
            entries.emplace(name, error);
        }
    }
}

template <typename T>
const T& find(const std::map<std::string, std::variant<T, Error>>& entries, const std::string& kind,
              const std::string& name) {
    const auto entry = entries.find(name);
    if (entry == entries.end()) {
        throw Error(Errc::not_found, "no " + kind + " " + name,
                    "Use one that the site has; sandboxctl " + kind + " ls shows them.", kind);
    }
    if (const auto* error = std::get_if<Error>(&entry->second)) {
        throw Error(Errc::unavailable, kind + " " + name + " cannot be used: " + error->what(),
                    "An admin of the site must mend its file.", kind);
    }
    return std::get<T>(entry->second);
}

template <typename T>
std::vector<T> sound_ones(const std::map<std::string, std::variant<T, Error>>& entries) {
    std::vector<T> all;
    for (const auto& [name, entry] : entries) {
        if (const T* one = std::get_if<T>(&entry))
            all.push_back(*one);
    }
    return all;
}

} // namespace

Catalog::Catalog(const policy::Site& site)
    : policies_dir_(site.policies_dir),
      tenants_dir_(site.tenants_dir) {
    reload();
}

void Catalog::reload() {
    // The launcher reads the same files and takes only what root alone can write; here a wrong one gains
    // nothing.
    using policy::Trust;
    load_all(policies_, policy::list_policies(policies_dir_), [&](const std::string& name) {
        return policy::load_policy(policies_dir_, name, Trust::any_owner);
    });
    load_all(tenants_, policy::list_tenants(tenants_dir_), [&](const std::string& name) {
        return policy::load_tenant(tenants_dir_, name, Trust::any_owner);
    });
}

const policy::Policy& Catalog::policy(const std::string& name) const {
    return find(policies_, "policy", name);
}

const policy::Tenant& Catalog::tenant(const std::string& name) const {
    return find(tenants_, "tenant", name);
}

std::vector<policy::Policy> Catalog::policies() const {
    return sound_ones(policies_);
}

std::vector<policy::Tenant> Catalog::tenants() const {
    return sound_ones(tenants_);
}

} // namespace sandbox::manager
