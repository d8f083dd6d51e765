#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sandbox::launcher {

/// The launcher's own context (/proc/PID/attr/current, proc_pid_attr(5)): SELinux', another module's, or
/// none.
const std::string& own_label();

/// SELinux' context for the session of a slot: the domain of sessions with two categories that no other live
/// session has. Empty where `launchers` is not of the domain of packaging/selinux: then SELinux is off, or
/// lacks the module, or somebody has started the launcher by hand, whose domain may not lead there.
std::string session_label(std::string_view launchers, std::uint32_t slot);

} // namespace sandbox::launcher
