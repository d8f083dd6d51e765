#pragma once

#include "sandbox/manager/audit.hpp"

#include <string>

namespace sandbox::manager {

/// Reads a trail's files, newest first, until it has enough. Blocks: not for the thread of the sessions.
AuditFound search_audit(const std::string& folder, const AuditQuery& query);

} // namespace sandbox::manager
