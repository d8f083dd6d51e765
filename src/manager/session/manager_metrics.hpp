#pragma once

#include "manager/session/session.hpp"
#include "sandbox/base/metric.hpp"
#include "sandbox/manager/stats.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sandbox::manager {

/// What this manager has counted since it started: plain values of its one thread. No label names a session
/// or a tenant, which have no bound.
struct ManagerMetrics {
    ManagerMetrics();

    /// A session has come from that state to its own; those between ready and busy are not told.
    void note_step(Session& session, State from);
    /// What a session has used until now; what is more than the last time counts.
    void note_use(Session& session, const Sample& sample);
    /// Of a request to run commands.
    void note_answer(std::chrono::steady_clock::duration taken);
    void note_no_answer(const Error& error);
    /// A create that was refused for want of room, or of a right.
    void note_rejection(const Error& error);

    std::vector<metric::Family> families() const;

    metric::Counter starts;     ///< policy, result, source
    metric::Histograms phases;  ///< policy, phase
    metric::Counter ends;       ///< policy, reason
    metric::Counter restarts;   ///< reason: crash, hung
    metric::Counter rejections; ///< reason
    metric::Histogram queue_wait;
    metric::Counter commands; ///< result: answered, failed, timed_out, refused
    metric::Histogram command_time;
    metric::Counter cpu_seconds, oom_kills; ///< policy
    metric::Counter adopted;                ///< result: adopted, requeued, gone, failed
    metric::Counter orphans;                ///< kind
    metric::Counter health_checks;          ///< check, result
    metric::Counter reloads;                ///< result: ok, refused
    metric::Histogram loop_lag;

  private:
    void note_ready(const Session& session);
    void note_end(Session& session);
};

} // namespace sandbox::manager
