#pragma once

#include "sandbox/base/duration.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace sandbox::manager {

/// Times and bounds of the manager that no site needs to change; tests make them short.
struct Tuning {
    Duration launch_timeout = std::chrono::seconds(60); ///< for the launcher's answer to a launch
    Duration answer_timeout = std::chrono::seconds(15); ///< for its other answers
    Duration end_margin = std::chrono::seconds(30);     ///< for its answer to an end, beyond both graces
    Duration reconnect_first = std::chrono::milliseconds(50);
    Duration reconnect_longest = std::chrono::seconds(2);
    Duration sweep_interval = std::chrono::seconds(60); ///< between looks for sandboxes that nobody claims
    Duration record_time = std::chrono::seconds(2);     ///< for sandbox-init's record of how ChimeraX ended
    Duration stuck_retry = std::chrono::seconds(10);

    Duration probe_timeout = std::chrono::seconds(4);     ///< for one GET /cmdline.html
    Duration health_interval = std::chrono::seconds(5);   ///< of a session with nothing in flight
    unsigned health_failures = 3;                         ///< in a row: the engine is hung
    Duration payload_recheck = std::chrono::seconds(5);   ///< safety net beside POLLPRI of cgroup.events
    Duration probe_retry = std::chrono::minutes(5);       ///< after an engine could not be probed
    Duration sample_interval = std::chrono::seconds(1);   ///< between readings of a session's figures
    Duration usage_age = std::chrono::milliseconds(1200); ///< who looks at figures that are older reads anew

    Duration pressure_age = std::chrono::seconds(1);  ///< the host's load is read again after this
    Duration queue_recheck = std::chrono::seconds(1); ///< between looks whether the host's load lets start
    std::string proc = "/proc";

    /// How long before a clock ends a session those who follow it are told; the longest first.
    std::vector<Duration> expiring_ahead{std::chrono::minutes(10), std::chrono::minutes(2)};
    std::size_t events_kept = 10'000;

    std::size_t rest_queue = 16; ///< requests of one session that wait for their turn, or for its start
    Duration start_wait =
        std::chrono::minutes(10); ///< for its start, of those that have no time-out of their own
    std::size_t ended_kept = 10'000;
    Duration ended_age = std::chrono::hours(7 * 24);
};

} // namespace sandbox::manager
