#include "manager/model/policy_catalog.hpp"

#include "sandbox/base/log.hpp"

#include <utility>

namespace sandbox::manager {
namespace {

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

PolicyCatalog::PolicyCatalog(const policy::Site& site) {
    // The launcher reads the same files and takes only what root alone can write; here a wrong one gains
    // nothing.
    policy::Rulebook read = policy::read_rulebook(site, policy::Trust::any_owner);
    for (const Error& error : read.errors())
        log::error_lines("left out: " + error.full());
    replace(std::move(read));
}

void PolicyCatalog::replace(policy::Rulebook rulebook) {
    rulebook_ = std::move(rulebook);
}

const policy::Policy& PolicyCatalog::policy(const std::string& name) const {
    return find(rulebook_.policies, "policy", name).policy;
}

const policy::Tenant& PolicyCatalog::tenant(const std::string& name) const {
    return find(rulebook_.tenants, "tenant", name);
}

std::vector<policy::Policy> PolicyCatalog::policies() const {
    std::vector<policy::Policy> all;
    for (const policy::LoadedPolicy& one : sound_ones(rulebook_.policies))
        all.push_back(one.policy);
    return all;
}

std::vector<policy::Tenant> PolicyCatalog::tenants() const {
    return sound_ones(rulebook_.tenants);
}

} // namespace sandbox::manager
