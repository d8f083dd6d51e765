#pragma once

#include "sandbox/manager/requests.hpp"

#include <string>

namespace sandbox::manager {

/// Where the store's copy goes that is packed next: in the manager's own folder, and nothing is there.
std::string new_backup_path(const policy::Site& site);

/// Packs that copy, which goes, with the site's file, policies and tenants. Blocks. Throws Error.
Backup pack_backup(const policy::Site& site, const std::string& store);

} // namespace sandbox::manager
