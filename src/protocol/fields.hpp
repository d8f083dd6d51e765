#pragma once

#include "sandbox/protocol/message.hpp"

#include <concepts>
#include <string_view>
#include <type_traits>

/// The one table of the protocol: which fields each message has, under which keys. Writing, reading and the
/// check for unknown keys all walk it.
namespace sandbox::protocol {

template <typename T, typename Of>
concept Is = std::same_as<std::remove_const_t<T>, Of>;

template <typename Body>
inline constexpr std::string_view kType = {};
template <>
inline constexpr std::string_view kType<Launch> = "launch";
template <>
inline constexpr std::string_view kType<End> = "end";
template <>
inline constexpr std::string_view kType<Publish> = "publish";
template <>
inline constexpr std::string_view kType<Inspect> = "inspect";
template <>
inline constexpr std::string_view kType<List> = "list";
template <>
inline constexpr std::string_view kType<Attach> = "attach";
template <>
inline constexpr std::string_view kType<OpenFile> = "open_file";
template <>
inline constexpr std::string_view kType<PutFile> = "put_file";
template <>
inline constexpr std::string_view kType<RemoveFile> = "remove_file";
template <>
inline constexpr std::string_view kType<SetLimits> = "set_limits";
template <>
inline constexpr std::string_view kType<Reload> = "reload";
template <>
inline constexpr std::string_view kType<Reloaded> = "reloaded";
template <>
inline constexpr std::string_view kType<Stored> = "stored";
template <>
inline constexpr std::string_view kType<Removed> = "removed";
template <>
inline constexpr std::string_view kType<Freeze> = "freeze";
template <>
inline constexpr std::string_view kType<Forget> = "forget";
template <>
inline constexpr std::string_view kType<Look> = "look";
template <>
inline constexpr std::string_view kType<Restart> = "restart";
template <>
inline constexpr std::string_view kType<Sweep> = "sweep";
template <>
inline constexpr std::string_view kType<Swept> = "swept";
template <>
inline constexpr std::string_view kType<Reclaim> = "reclaim";
template <>
inline constexpr std::string_view kType<Reclaimable> = "reclaimable";
template <>
inline constexpr std::string_view kType<Forgotten> = "forgotten";
template <>
inline constexpr std::string_view kType<Launched> = "launched";
template <>
inline constexpr std::string_view kType<Ended> = "ended";
template <>
inline constexpr std::string_view kType<Published> = "published";
template <>
inline constexpr std::string_view kType<Inspected> = "inspected";
template <>
inline constexpr std::string_view kType<Listed> = "listed";
template <>
inline constexpr std::string_view kType<Opened> = "opened";
template <>
inline constexpr std::string_view kType<Frozen> = "frozen";
template <>
inline constexpr std::string_view kType<Failure> = "failure";

template <typename Visit, Is<Launch> T>
void fields(Visit& visit, T& m) {
    visit("session", m.session);
    visit("slot", m.slot);
    visit("tenant", m.tenant);
    visit("policy", m.policy);
    visit("digest", m.digest);
    visit("memory_max", m.memory_max);
    visit("cpus", m.cpus);
    visit("pids_max", m.pids_max);
    visit("environment", m.environment);
    visit("token_hash", m.token_hash);
    visit("probe_of", m.probe_of);
    visit("learns", m.learns);
}

template <typename Visit, Is<End> T>
void fields(Visit& visit, T& m) {
    visit("session", m.session);
    visit("grace_milliseconds", m.grace_milliseconds);
}

template <typename Visit, typename T>
requires Is<T, Publish> || Is<T, Inspect> || Is<T, Attach> || Is<T, Look> || Is<T, Restart> || Is<T, Reclaim>
void fields(Visit& visit, T& m) {
    visit("session", m.session);
}

template <typename Visit, Is<List> T>
void fields(Visit& visit, T& m) {
    visit("after", m.after);
}

template <typename Visit, Is<Sweep> T>
void fields(Visit& visit, T& m) {
    visit("dry_run", m.dry_run);
}

template <typename Visit, Is<Leftover> T>
void fields(Visit& visit, T& m) {
    visit("kind", m.kind);
    visit("name", m.name);
}

template <typename Visit, Is<Swept> T>
void fields(Visit& visit, T& m) {
    visit("found", m.found);
}

template <typename Visit, Is<OpenFile> T>
void fields(Visit& visit, T& m) {
    visit("session", m.session);
    visit.bytes("path", m.path);
    visit("list", m.list);
    visit.bytes("after", m.after);
}

template <typename Visit, Is<Preconditions> T>
void fields(Visit& visit, T& m) {
    visit("if_match", m.if_match);
    visit("if_none_match", m.if_none_match);
    visit("unmodified_since", m.unmodified_since);
}

template <typename Visit, Is<PutFile> T>
void fields(Visit& visit, T& m) {
    visit("session", m.session);
    visit.bytes("path", m.path);
    visit("size", m.size);
    visit("only_if", m.only_if);
}

template <typename Visit, Is<RemoveFile> T>
void fields(Visit& visit, T& m) {
    visit("session", m.session);
    visit.bytes("path", m.path);
    visit("only_if", m.only_if);
}

template <typename Visit, Is<SetLimits> T>
void fields(Visit& visit, T& m) {
    visit("session", m.session);
    visit("memory_max", m.memory_max);
    visit("cpus", m.cpus);
    visit("pids_max", m.pids_max);
}

template <typename Visit, Is<Stored> T>
void fields(Visit& visit, T& m) {
    visit("created", m.created);
    visit("tag", m.tag);
}

template <typename Visit, Is<Removed> T>
void fields(Visit& /*visit*/, T& /*m*/) {}

template <typename Visit, Is<Freeze> T>
void fields(Visit& visit, T& m) {
    visit("session", m.session);
    visit("frozen", m.frozen);
}

template <typename Visit, Is<Forget> T>
void fields(Visit& visit, T& m) {
    visit("sessions", m.sessions);
}

template <typename Visit, Is<Reload> T>
void fields(Visit& visit, T& m) {
    visit("digest", m.digest);
}

template <typename Visit, typename T>
requires Is<T, Forgotten> || Is<T, Reclaimable> || Is<T, Reloaded>
void fields(Visit& /*visit*/, T& /*m*/) {}

template <typename Visit, Is<Frozen> T>
void fields(Visit& visit, T& m) {
    visit("frozen", m.frozen);
}

template <typename Visit, Is<Opened> T>
void fields(Visit& visit, T& m) {
    visit("size", m.size);
    visit("tag", m.tag);
}

template <typename Visit, Is<TimelineEntry> T>
void fields(Visit& visit, T& m) {
    visit("step", m.step);
    visit("microseconds", m.microseconds);
}

template <typename Visit, Is<Launched> T>
void fields(Visit& visit, T& m) {
    visit("session", m.session);
    visit("slot", m.slot);
    visit("tenant", m.tenant);
    visit("policy", m.policy);
    visit("digest", m.digest);
    visit("init_pid", m.init_pid);
    visit("start_time", m.start_time);
    visit("engine_pid", m.engine_pid);
    visit("uid", m.uid);
    visit("address", m.address);
    visit("port", m.port);
    visit("publish", m.publish);
    visit("published_port", m.published_port);
    visit("cgroup", m.cgroup);
    visit("log_dir", m.log_dir);
    visit("executable", m.executable);
    visit("stand_in", m.stand_in);
    visit("token_hash", m.token_hash);
    visit("not_enforced", m.not_enforced);
    visit("memory_max", m.memory_max);
    visit("cpus", m.cpus);
    visit("pids_max", m.pids_max);
    visit("timeline", m.timeline);
    visit("learner_pid", m.learner_pid);
}

template <typename Visit, Is<ExitRecord> T>
void fields(Visit& visit, T& m) {
    visit("run", m.run);
    visit("exit_status", m.exit_status);
    visit("signal", m.signal);
    visit("runtime_milliseconds", m.runtime_milliseconds);
}

template <typename Visit, Is<SystemCalls> T>
void fields(Visit& visit, T& m) {
    visit("allowed", m.allowed);
    visit("refused", m.refused);
}

template <typename Visit, Is<Ended> T>
void fields(Visit& visit, T& m) {
    visit("session", m.session);
    visit("record", m.record);
    visit("oom_kills", m.oom_kills);
    visit("memory_peak", m.memory_peak);
    visit("cpu_microseconds", m.cpu_microseconds);
    visit("last_step", m.last_step);
    visit("system_calls", m.system_calls);
}

template <typename Visit, Is<Published> T>
void fields(Visit& visit, T& m) {
    visit("port", m.port);
}

template <typename Visit, Is<Inspected> T>
void fields(Visit& visit, T& m) {
    visit("json", m.json);
}

template <typename Visit, Is<Listed> T>
void fields(Visit& visit, T& m) {
    visit("sessions", m.sessions);
    visit("more", m.more);
    visit("ended", m.ended);
}

template <typename Visit, Is<Failure> T>
void fields(Visit& visit, T& m) {
    visit("code", m.code);
    visit("message", m.message);
    visit("cure", m.cure);
    visit("field", m.field);
}

} // namespace sandbox::protocol
