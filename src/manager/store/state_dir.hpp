#pragma once

#include "manager/audit/audit_file.hpp"
#include "sandbox/policy/site.hpp"

#include <string>

namespace sandbox::manager {

/// Where the site's manager has its store. Makes the folder when it is not there.
std::string store_path(const policy::Site& site);
/// Its audit trail: in a folder beside the store.
AuditFile open_audit(const policy::Site& site);
std::string audit_folder(const policy::Site& site);
/// Where the logs of ended sessions are.
std::string kept_logs_folder(const policy::Site& site);
/// What tokens are derived from where a client may ask for one again; made at the first start. It is as
/// secret as the store beside it: who reads either is the manager.
std::string token_secret(const policy::Site& site);
/// What commands are hashed with for the audit trail; made at the first start.
std::string audit_key(const policy::Site& site);
/// Which boot of this host it is (random(4)).
std::string read_boot_id();

/// An earlier manager was told to drain, and never to undo it.
bool was_draining(const policy::Site& site);
/// A wish that was told outlives this process: a crash must not open a host that an operator has closed.
/// Throws Error.
void keep_draining(const policy::Site& site, bool draining);

} // namespace sandbox::manager
