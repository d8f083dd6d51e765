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
}

template <typename Visit, Is<End> T>
void fields(Visit& visit, T& m) {
    visit("session", m.session);
    visit("grace_milliseconds", m.grace_milliseconds);
}

template <typename Visit, typename T>
requires Is<T, Publish> || Is<T, Inspect> || Is<T, Attach>
void fields(Visit& visit, T& m) {
    visit("session", m.session);
}

template <typename Visit, Is<List> T>
void fields(Visit& visit, T& m) {
    visit("after", m.after);
}

template <typename Visit, Is<OpenFile> T>
void fields(Visit& visit, T& m) {
    visit("session", m.session);
    visit("path", m.path);
}

template <typename Visit, Is<Opened> T>
void fields(Visit& visit, T& m) {
    visit("size", m.size);
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
}

template <typename Visit, Is<ExitRecord> T>
void fields(Visit& visit, T& m) {
    visit("run", m.run);
    visit("exit_status", m.exit_status);
    visit("signal", m.signal);
    visit("runtime_milliseconds", m.runtime_milliseconds);
}

template <typename Visit, Is<Ended> T>
void fields(Visit& visit, T& m) {
    visit("session", m.session);
    visit("record", m.record);
    visit("oom_kills", m.oom_kills);
    visit("memory_peak", m.memory_peak);
    visit("cpu_microseconds", m.cpu_microseconds);
    visit("last_step", m.last_step);
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
}

template <typename Visit, Is<Failure> T>
void fields(Visit& visit, T& m) {
    visit("code", m.code);
    visit("message", m.message);
    visit("cure", m.cure);
    visit("field", m.field);
}

} // namespace sandbox::protocol
