#pragma once

#include "ctl/host/host_view.hpp"

#include <string>

namespace sandbox::ctl {

/// PID 1 is systemd (sd_booted(3)), and a package or the admin has installed this unit.
bool has_unit(const HostView& host, const std::string& name);

/// What starts launcher and manager on this host: their units, where it has these, or what tells why those
/// that are enabled do not run; else the launcher by hand.
std::string start_cure(const HostView& host);

/// Where sandboxd's log is.
std::string log_cure(const HostView& host);

} // namespace sandbox::ctl
