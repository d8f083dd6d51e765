#include "manager/session/manager_metrics.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace sandbox::manager {
namespace {

constexpr std::array<double, 13> kStartBounds{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                              1,     2.5,  5,     10,   30,  60};
constexpr std::array<double, 10> kWaitBounds{0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600};
constexpr std::array<double, 13> kCommandBounds{0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600};
constexpr std::array<double, 10> kLagBounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1};

/// Every session is made anew for its create.
constexpr const char* kCold = "cold";

double seconds(SteadyTime::duration time) {
    return std::chrono::duration<double>(time).count();
}

std::optional<double> step_seconds(const std::vector<protocol::TimelineEntry>& timeline, const char* step) {
    const auto entry = std::ranges::find(timeline, step, &protocol::TimelineEntry::step);
    return entry == timeline.end() ? std::nullopt
                                   : std::optional(static_cast<double>(entry->microseconds) / 1e6);
}

metric::Family family(const char* name, const char* help, const metric::Counter& counter) {
    return {name, metric::Kind::counter, help, counter.points()};
}

metric::Family family(const char* name, const char* help, const metric::Histograms& histograms) {
    return {name, metric::Kind::histogram, help, histograms.points()};
}

metric::Family family(const char* name, const char* help, const metric::Histogram& histogram) {
    return {name, metric::Kind::histogram, help, {{{}, histogram}}};
}

} // namespace

ManagerMetrics::ManagerMetrics()
    : starts({"policy", "result", "source"}, 0),
      phases({"policy", "phase"}, metric::Histogram(kStartBounds)),
      ends({"policy", "reason"}, 0),
      restarts({"reason"}, 0),
      rejections({"reason"}, 0),
      queue_wait(kWaitBounds),
      commands({"result"}, 0),
      command_time(kCommandBounds),
      cpu_seconds({"policy"}, 0),
      oom_kills({"policy"}, 0),
      adopted({"result"}, 0),
      orphans({"kind"}, 0),
      health_checks({"check", "result"}, 0),
      reloads({"result"}, 0),
      loop_lag(kLagBounds) {
    // Those whose labels are known begin with 0: a rate needs a value before the first.
    for (const char* reason : {"crash", "hung"})
        restarts.at({reason});
    for (const char* result : {"answered", "failed", "timed_out", "refused"})
        commands.at({result});
    for (const char* result : {"adopted", "requeued", "gone", "failed"})
        adopted.at({result});
    for (const char* result : {"ok", "failed"})
        health_checks.at({"rest", result});
    for (const char* result : {"ok", "refused"})
        reloads.at({result});
    orphans.at({"sandbox"});
    for (const char* reason : {"tenant_sessions", "policy_sessions", "host_sessions", "memory_budget",
                               "queue_full", "tenant_queue_full", "unavailable", "denied"})
        rejections.at({reason});
}

void ManagerMetrics::note_step(Session& session, State from) {
    switch (session.state()) {
    case State::starting:
        if (from == State::queued)
            queue_wait.observe(seconds(std::chrono::steady_clock::now() - session.reservation.since));
        break;
    case State::ready:
        if (from == State::starting)
            note_ready(session);
        break;
    case State::ended:
        note_end(session);
        break;
    default:
        break;
    }
}

void ManagerMetrics::note_ready(const Session& session) {
    const std::string& policy = session.facts.policy;
    starts.at({policy, "ready", kCold}) += 1;
    const auto& timeline = session.facts.timeline;
    const auto cloned = step_seconds(timeline, "clone");
    // Of one that an earlier manager began, the beginning is not known.
    if (session.reservation.turn_at == SteadyTime{} || !cloned)
        return;
    const double made = static_cast<double>(timeline.back().microseconds) / 1e6;
    const double total = seconds(std::chrono::steady_clock::now() - session.reservation.turn_at);
    phases.at({policy, "launcher"}).observe(*cloned);
    phases.at({policy, "sandbox"}).observe(std::max(made - *cloned, 0.0));
    phases.at({policy, "engine"}).observe(std::max(total - made, 0.0));
    phases.at({policy, "total"}).observe(total);
}

void ManagerMetrics::note_end(Session& session) {
    const SessionView::End& end = *session.facts.end;
    const std::string& policy = session.facts.policy;
    ends.at({policy, std::string(to_text(end.reason))}) += 1;
    const bool had_turn = session.has_slot || session.reservation.turn_at != SteadyTime{};
    if (had_turn && !session.facts.ready_at) {
        const bool cancelled = end.reason == EndReason::cancelled || end.reason == EndReason::deleted ||
                               end.reason == EndReason::shutdown;
        starts.at({policy, cancelled ? "cancelled" : "failed", kCold}) += 1;
    }
    Sample last;
    last.cpu = std::chrono::microseconds(static_cast<std::int64_t>(end.cpu_seconds * 1e6));
    last.oom_kills = end.oom_kills;
    note_use(session, last);
}

void ManagerMetrics::note_use(Session& session, const Sample& sample) {
    CountedUse& counted = session.counted;
    const auto cpu = std::max(sample.cpu.value_or(counted.cpu), counted.cpu);
    const std::uint64_t kills = std::max(sample.oom_kills.value_or(counted.oom_kills), counted.oom_kills);
    if (!counted.by_earlier_manager) {
        const std::string& policy = session.facts.policy;
        cpu_seconds.at({policy}) += std::chrono::duration<double>(cpu - counted.cpu).count();
        oom_kills.at({policy}) += static_cast<double>(kills - counted.oom_kills);
    }
    counted = {cpu, kills, false};
}

void ManagerMetrics::note_answer(std::chrono::steady_clock::duration taken) {
    commands.at({"answered"}) += 1;
    command_time.observe(seconds(taken));
}

void ManagerMetrics::note_no_answer(const Error& error) {
    const char* result = error.code() == Errc::timed_out     ? "timed_out"
                         : error.state_may_have_changed()    ? "failed"
                         : error.code() == Errc::unavailable ? "failed"
                                                             : "refused";
    commands.at({result}) += 1;
}

void ManagerMetrics::note_rejection(const Error& error) {
    if (error.retry())
        rejections.at({error.retry()->reason}) += 1;
    else if (error.code() == Errc::unavailable || error.code() == Errc::denied)
        rejections.at({std::string(errc_info(error.code()).text)}) += 1;
}

std::vector<metric::Family> ManagerMetrics::families() const {
    return {
        family("sandboxd_session_starts", "Sessions that had their turn to be started, by what came of it.",
               starts),
        family("sandboxd_session_start_duration_seconds",
               "Time from a session's turn to its readiness: launcher, sandbox, engine, and the total.",
               phases),
        family("sandboxd_session_ends", "Sessions that have ended, by why.", ends),
        family("sandboxd_session_restarts", "Starts of ChimeraX again in its sandbox, by why.", restarts),
        family("sandboxd_queue_wait_seconds", "Time in the queue of sessions that then had their turn.",
               queue_wait),
        family("sandboxd_admission_rejections", "Creates that were refused, by what was short.", rejections),
        family("sandboxd_commands", "Requests to run commands in ChimeraX, by what came of them.", commands),
        family("sandboxd_command_duration_seconds",
               "Time of answered requests to run commands, with the wait for their turn.", command_time),
        family("sandboxd_sessions_cpu_seconds", "CPU time of sessions, as far as it was sampled.",
               cpu_seconds),
        family("sandboxd_oom_kills", "Processes of sessions that the kernel killed at a memory limit.",
               oom_kills),
        family("sandboxd_adopted_sessions", "Sessions that an earlier manager left, by what came of them.",
               adopted),
        family("sandboxd_reaped_orphans", "Remains that no session claimed, and that were removed.", orphans),
        family("sandboxd_health_checks", "Looks whether an idle ChimeraX answers.", health_checks),
        family("sandboxd_config_reloads", "Reloads of policies, tenants and settings, by what came of them.",
               reloads),
        family("sandboxd_event_loop_lag_seconds", "How late the timers of the one thread came.", loop_lag),
    };
}

} // namespace sandbox::manager
