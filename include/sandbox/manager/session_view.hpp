#pragma once

#include "sandbox/base/bytes.hpp"
#include "sandbox/base/duration.hpp"
#include "sandbox/manager/state.hpp"
#include "sandbox/protocol/message.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sandbox::manager {

using WallTime = std::chrono::system_clock::time_point;

/// What a session looks like to a caller at one moment: plain data, from which the API makes the session's
/// JSON.
struct SessionView {
    std::string id, name, tenant, policy, policy_digest;
    std::map<std::string, std::string> labels;
    State state = State::queued;
    std::uint32_t slot = 0;
    std::uint32_t uid = 0;
    std::int64_t pid = 0; ///< ChimeraX, as the host sees it
    std::string address;
    std::uint16_t port = 0;
    std::optional<std::uint16_t> published_port;
    WallTime created_at{};
    std::optional<WallTime> ready_at, last_activity_at;

    struct Limits {
        std::optional<Bytes> memory_max;
        std::optional<double> cpus;
        std::optional<std::uint64_t> pids_max;
    };
    Limits asked;    ///< what the caller asked for
    Limits enforced; ///< what the kernel holds
    std::vector<std::string> not_enforced;

    struct Engine {
        std::string name = "ChimeraX";
        std::string version; ///< empty until it is known
        std::string executable;
        bool stand_in = false;
        std::optional<bool> renders; ///< it can save a picture; unknown until its probe has tried
    };
    Engine engine;

    struct Health {
        std::string status; ///< "starting", "healthy", "busy", "unhealthy", "ended"
        std::optional<WallTime> last_ok_at;
        double in_flight_seconds = 0;
    };
    Health health;

    struct Usage {
        std::optional<Bytes> memory, memory_peak;
        std::optional<double> cpu_seconds;
        std::optional<std::uint64_t> pids;
    };
    Usage usage;

    struct End {
        EndReason reason = EndReason::deleted;
        WallTime at{};
        std::string message; ///< for people: what happened and what to do
        std::optional<int> exit_status, signal;
        std::uint64_t oom_kills = 0;
        std::optional<Bytes> memory_peak;
        double cpu_seconds = 0;
        std::string log_tail;
    };
    std::optional<End> end;

    std::string log_dir;
    std::string cgroup;
    std::vector<protocol::TimelineEntry> timeline;
};

} // namespace sandbox::manager
