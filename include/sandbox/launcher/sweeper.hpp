#pragma once

#include "sandbox/launcher/cgroup_driver.hpp"
#include "sandbox/launcher/construction.hpp"
#include "sandbox/launcher/environment.hpp"

#include <vector>

namespace sandbox::launcher {

/// After a start: returns the whole sandboxes that live, proved by session.json, pid, start time and cgroup,
/// and removes all else that is named like a session: processes, groups, folders, links in the gateway
/// namespace. There is no ledger that could be stale: what exists is what is listed.
std::vector<Sandbox> recover_sandboxes(Environment& environment, CgroupDriver& driver);

} // namespace sandbox::launcher
