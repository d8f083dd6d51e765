#pragma once

#include "sandbox/manager/session_view.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sandbox::manager {

/// One line of the audit trail: who did what to which session, and what came of it. What does not apply is
/// empty, and left out of the line.
struct AuditEntry {
    WallTime at{};
    std::string action; ///< stable, as `session.state`, `session.create`, `command`, `authentication`
    std::string actor;  ///< "manager", "admin uid 0", "tenant acme", "session <id>"
    std::string tenant, session;
    std::string request_id;
    std::string outcome; ///< a state, or an HTTP status
    std::string detail;  ///< for people
    std::optional<std::chrono::microseconds> took;
    std::vector<std::string> commands = {}; ///< or the hash of each
    bool commands_hashed = false;
    std::size_t commands_left_out = 0; ///< beyond those, as a line is bounded
};

/// One JSON object and a line break; control characters and bytes that are no UTF-8 are escaped.
std::string to_json_line(const AuditEntry& entry);

/// What is asked of the trail: empty fields ask for nothing.
struct AuditQuery {
    std::string session, tenant;
    std::string since, until; ///< as format_time writes; `until` itself is out
    std::size_t limit = 100;  ///< the newest ones count
};

struct AuditFound {
    std::vector<std::string> lines; ///< JSON objects, oldest first
    bool truncated = false;         ///< there are older ones that fit, too
};

/// What the trail's readers have to know of its writing.
struct AuditCounts {
    std::uint64_t lines = 0;  ///< on the disk, since this program started
    std::uint64_t errors = 0; ///< writes that failed, and were tried again
    std::uint64_t lost = 0; ///< lines that were dropped, as too many waited for a disk; said in the trail too
};

} // namespace sandbox::manager
