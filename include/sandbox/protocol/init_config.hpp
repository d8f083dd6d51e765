#pragma once

#include <csignal>
#include <cstddef>
#include <cstdint>

/// What the launcher hands to sandbox-init: descriptors of fixed numbers, and a sealed memfd of
/// NUL-terminated strings. Plain C-like types, as sandbox-init is static and has neither exceptions nor a
/// heap to speak of.
namespace sandbox::protocol::init {

enum Descriptor : int {
    kConfigFd = 3,  ///< the strings: version, log segment bytes, cwd, argc, argv…, envc, env…
    kStatusFd = 4,  ///< one Status is written when ChimeraX was executed, or could not be; then closed
    kRecordFd = 5,  ///< append-only: a line of JSON (protocol::ExitRecord) for each run of ChimeraX
    kPayloadFd = 6, ///< cgroup.procs of payload/, opened by the launcher
    kInitFd = 7,    ///< cgroup.procs of init/, likewise; closed once sandbox-init is there
    kLogFds = 8,    ///< stdout.0, stdout.1, stderr.0, stderr.1
    kEndFd = 12,
};

inline constexpr const char* kConfigVersion = "1";
inline constexpr std::size_t kMaxConfig = 128 * 1024;
inline constexpr int kMaxStrings = 1024;

/// From before exec (the builder's steps, see launcher/spec/launch_step.hpp) as from after it.
struct Status {
    std::uint32_t step = 0;
    std::int32_t error_number = 0; ///< 0 is success
    char text[248] = {};
};
/// Status::step of sandbox-init itself.
inline constexpr std::uint32_t kExecStep = 1000;

/// Signals that sandbox-init obeys, and only from outside its pid namespace: it closes ChimeraX's stdin and
/// exits once ChimeraX has ended; asks every process in the sandbox to end; kills them all and starts
/// ChimeraX again.
inline constexpr int kEndSignal = SIGUSR1;
inline constexpr int kTerminateSignal = SIGTERM;
inline constexpr int kRestartSignal = SIGUSR2;
/// To the same program as the holder of a scope: the scope is there, it may outlive the launcher.
inline constexpr int kHoldSignal = SIGUSR1;

} // namespace sandbox::protocol::init
