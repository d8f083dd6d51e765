#pragma once

#include "sandbox/policy/policy.hpp"
#include "sandbox/policy/policy_folders.hpp"
#include "sandbox/policy/site.hpp"
#include "sandbox/policy/tenant.hpp"
#include "sandbox/policy/trust.hpp"

#include <string>
#include <vector>

namespace sandbox::policy {

/// The name of the launcher's built-in policy and tenant: no file can have it.
inline constexpr const char* kReservedName = "probe";

/// Loads `NAME.toml` with what it `extends`, and its seccomp profile. Throws Error: not_found for a policy
/// that is not there, denied for one that others could write, invalid_argument for all that is wrong in it,
/// "FILE:LINE:COLUMN: field: value …: what is allowed".
Policy load_policy(const PolicyFolders& folders, const std::string& name, Trust trust);

/// The same for a file of the admin's that has yet to be written.
Policy check_policy_text(const std::string& text, const PolicyFolders& folders, const std::string& name,
                         Trust trust);

/// Names of all policy files of both layers, sorted, also of wrong ones: loading them says what is wrong.
/// Throws Error not_found where neither folder is there.
std::vector<std::string> list_policies(const PolicyFolders& folders);

Tenant load_tenant(const std::string& tenants_dir, const std::string& name, Trust trust);
/// The same for a file that has yet to be written.
Tenant check_tenant_text(const std::string& text, const std::string& tenants_dir, const std::string& name);
std::vector<std::string> list_tenants(const std::string& tenants_dir);

Site load_site(const std::string& path, Trust trust);

/// The effective policy as TOML, every field present, with units as an admin writes them.
std::string to_toml(const Policy& policy);
std::string to_toml(const Tenant& tenant);

} // namespace sandbox::policy
