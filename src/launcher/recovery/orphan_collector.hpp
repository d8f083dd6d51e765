#pragma once

#include "launcher/cgroup/driver.hpp"
#include "launcher/host/launcher_context.hpp"
#include "launcher/records/exit_records.hpp"
#include "launcher/sandbox/sandbox.hpp"

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace sandbox::launcher {

/// What belongs to a sandbox that lives or is being made.
struct Claimed {
    std::set<std::string> sessions;
    std::set<std::uint32_t> slots;
    std::function<bool(const std::string& session)> keeps_log;  ///< until the manager has it
    std::function<bool(const std::string& tenant)> uses_tenant; ///< its group stays
};

/// Removes all else that is named like a session: processes, groups, folders, links in the gateway namespace.
/// With `dry_run` it only tells of it. Waits so long for the kernel to end what is in a group.
std::vector<protocol::Leftover> sweep(LauncherContext& context, CgroupDriver& driver, const Claimed& claimed,
                                      bool dry_run, Duration patience);

/// After a start: returns the whole sandboxes that live, proved by session.json, pid, start time and cgroup,
/// and sweeps the rest. There is no ledger that could be stale: what exists is what is listed.
///
/// What is known of a whole one that ended meanwhile goes to its last words, and a log without a sandbox too.
std::vector<Sandbox> recover_sandboxes(LauncherContext& context, CgroupDriver& driver,
                                       ExitRecords& exit_records);

} // namespace sandbox::launcher
