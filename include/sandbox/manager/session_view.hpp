#pragma once

#include "sandbox/base/bytes.hpp"
#include "sandbox/base/duration.hpp"
#include "sandbox/manager/state.hpp"
#include "sandbox/protocol/facts.hpp"

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

    /// Where that clock runs. They move with activity; the session's own clock does not jump with this one.
    struct Expires {
        std::optional<WallTime> idle_at, lifetime_at;
    };
    Expires expires;

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
    std::uint64_t restarts = 0; ///< how often ChimeraX was started again
    std::string restart_reason; ///< why, the last time, for people

    /// Of its policy's autosave_every, once there was one.
    struct Autosave {
        std::optional<WallTime> last_at;     ///< of the last that succeeded
        std::string file;                    ///< that one, in the sandbox
        std::optional<WallTime> restored_at; ///< it was opened in a ChimeraX that was started again
        std::string failure;                 ///< of the last save or opening, where it failed
        std::uint64_t owed_to = 0; ///< the start of ChimeraX in which it is still to be opened; 0: none
        bool opening = false;      ///< the last was sent to be opened, and never answered
    };
    std::optional<Autosave> autosave;

    /// While it is frozen.
    struct FreezeInfo {
        WallTime frozen_at{};
        std::optional<Bytes> reclaimed; ///< of its memory; none while that goes on
        std::string not_reclaimed;      ///< why nothing, or no more, for people
    };
    std::optional<FreezeInfo> rest;

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

        struct Log {
            LogFate fate = LogFate::kept;
            Bytes bytes;                   ///< of both streams, when it was kept
            std::optional<WallTime> until; ///< no longer; of one that is kept
            std::string message;           ///< why it is not, for people
            bool operator==(const Log&) const = default;
        };
        std::optional<Log> log; ///< none: nothing is known of one

        std::optional<protocol::SystemCalls> system_calls; ///< of one that was learned from
    };
    std::optional<End> end;

    bool learns = false; ///< its system calls are counted
    std::string log_dir;
    std::string cgroup;
    std::vector<protocol::TimelineEntry> timeline;
};

} // namespace sandbox::manager
