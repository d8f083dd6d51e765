#pragma once

namespace sandbox {

/// The manager left its sessions to the next one, which has to be started (EX_TEMPFAIL of sysexits.h(3head);
/// for systemd: RestartForceExitStatus=75).
inline constexpr int kHandoverStatus = 75;

} // namespace sandbox
