#include "sandbox/policy/policy_set.hpp"

#include "sandbox/base/id.hpp"

#include <algorithm>

namespace sandbox::policy {
namespace {

template <typename Entries, typename Load>
void load_all(Entries& entries, const std::vector<std::string>& names, const Load& load) {
    for (const std::string& name : names) {
        try {
            entries.emplace(name, load(name));
        } catch (const Error& error) {
            entries.emplace(name, error);
        }
    }
}

template <typename Entries>
void add_errors(std::vector<Error>& errors, const Entries& entries) {
    for (const auto& [name, entry] : entries) {
        const Error* error = std::get_if<Error>(&entry);
        // A broken file that others extend is one error, not many.
        if (error != nullptr && std::ranges::none_of(errors, [&](const Error& known) {
                return std::string_view(known.what()) == error->what();
            }))
            errors.push_back(*error);
    }
}

std::string digest_of(const Site& site, const Rulebook& rulebook) {
    std::string text = site.digest + "\n";
    for (const auto& [name, entry] : rulebook.policies)
        text += "policy " + name + " " + std::get<LoadedPolicy>(entry).policy.digest + "\n";
    for (const auto& [name, entry] : rulebook.tenants)
        text += "tenant " + name + " " + sha256_hex(to_toml(std::get<Tenant>(entry))) + "\n";
    return sha256_hex(text);
}

Error all_of(const std::vector<Error>& errors) {
    std::string what = errors.size() == 1 ? "1 file is wrong" : std::to_string(errors.size()) + " are wrong";
    what += ", and what was in force stays in force:";
    for (const Error& error : errors)
        what += "\n" + std::string(error.what()) + (error.cure().empty() ? "" : " (" + error.cure() + ")");
    return {Errc::invalid_argument, what, "Mend what is named, and reload again."};
}

} // namespace

std::vector<Error> Rulebook::errors() const {
    std::vector<Error> errors;
    add_errors(errors, policies);
    add_errors(errors, tenants);
    return errors;
}

Rulebook read_rulebook(const Site& site, Trust trust) {
    Rulebook rulebook;
    const PolicyFolders folders = site.policy_folders();
    load_all(rulebook.policies, list_policies(folders),
             [&](const std::string& name) { return load_whole_policy(folders, name, trust); });
    load_all(rulebook.tenants, list_tenants(site.tenants_dir),
             [&](const std::string& name) { return load_tenant(site.tenants_dir, name, trust); });
    return rulebook;
}

SiteFiles read_site_files(const Site& in_force, Trust trust) {
    SiteFiles files{.site = in_force, .rulebook = {}, .digest = {}};
    std::vector<Error> errors;
    try {
        if (!in_force.origin.empty())
            files.site = load_site(in_force.origin, trust);
    } catch (const Error& error) {
        errors.push_back(error);
    }
    try {
        files.rulebook = read_rulebook(in_force, trust);
    } catch (const Error& error) {
        errors.push_back(error);
    }
    std::ranges::copy(files.rulebook.errors(), std::back_inserter(errors));
    if (!errors.empty())
        throw all_of(errors);
    files.digest = digest_of(files.site, files.rulebook);
    return files;
}

} // namespace sandbox::policy
