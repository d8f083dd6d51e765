#pragma once

#include "sandbox/base/duration.hpp"

#include <cstddef>

namespace sandbox::manager {

/// Times and bounds of the manager that no site needs to change; tests make them short.
struct Tuning {
    Duration launch_timeout = std::chrono::seconds(60); ///< for the launcher's answer to a launch
    Duration answer_timeout = std::chrono::seconds(15); ///< for its other answers
    Duration end_margin = std::chrono::seconds(30);     ///< for its answer to an end, beyond both graces
    Duration reconnect_first = std::chrono::milliseconds(50);
    Duration reconnect_longest = std::chrono::seconds(2);
    Duration sweep_interval = std::chrono::seconds(60); ///< between looks for sandboxes that nobody claims
    Duration stuck_retry = std::chrono::seconds(10);

    Duration probe_timeout = std::chrono::seconds(4);    ///< for one GET /cmdline.html
    Duration health_interval = std::chrono::seconds(5);  ///< of a session with nothing in flight
    unsigned health_failures = 3;                        ///< in a row: the engine is hung
    Duration payload_recheck = std::chrono::seconds(5);  ///< safety net beside POLLPRI of cgroup.events
    Duration probe_retry = std::chrono::minutes(5);      ///< after an engine could not be probed
    Duration usage_age = std::chrono::milliseconds(200); ///< figures of a session are read again after this

    std::size_t starts_at_once = 8;
    std::size_t rest_queue = 16; ///< requests of one session that wait for their turn
    std::size_t ended_kept = 10'000;
    Duration ended_age = std::chrono::hours(7 * 24);
};

} // namespace sandbox::manager
