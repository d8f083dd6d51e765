#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sandbox::manager {

/// The states of a session. One table (`state.cpp`) holds their texts and which may follow which.
enum class State {
    queued,
    starting,
    ready,
    busy,
    frozen,
    recovering, ///< ChimeraX is started again in its sandbox, or it is looked for after an earlier manager
    ending,
    ended,
    stuck,
};

/// Why a session ended: what this program intended, else what the kernel counted, else how ChimeraX exited.
enum class EndReason {
    deleted,        ///< somebody asked for it
    idle,           ///< nobody used it for as long as its policy or its caller allows
    lifetime,       ///< it has lived as long as its policy or its caller allows
    exited,         ///< ChimeraX exited by itself
    signalled,      ///< ChimeraX died of a signal
    oom,            ///< the kernel killed it at its memory limit
    start_timeout,  ///< it never answered on its REST port
    hung,           ///< it stopped answering
    crash_loop,     ///< it crashed or hung more often than its policy starts it again
    launch_failed,  ///< no sandbox could be made
    queue_timeout,  ///< no place was free in time
    shutdown,       ///< the manager was told to stop
    cancelled,      ///< the caller went away or deleted it before it was ready
    orphaned,       ///< its processes were gone when they were looked for
    host_restarted, ///< the host went down under it
};

/// What became of the log of a session that has ended.
enum class LogFate {
    kept,
    expired, ///< it was kept for as long as the site's settings say
    dropped, ///< newer ones needed the room
    failed,  ///< it could not be kept
    off,     ///< this site keeps none
};

std::string_view to_text(State state);
std::string_view to_text(EndReason reason);
std::string_view to_text(LogFate fate);
std::optional<State> state_from_text(std::string_view text);
/// Returns the names of all states for a message: "queued, starting, … and stuck".
std::string all_states_text();
std::optional<EndReason> end_reason_from_text(std::string_view text);
std::optional<LogFate> log_fate_from_text(std::string_view text);

bool may_follow(State from, State to);

} // namespace sandbox::manager
