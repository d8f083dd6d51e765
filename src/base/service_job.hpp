#pragma once

struct sd_bus;

namespace sandbox {

/// Whether systemd stops this service only to start it again (`systemctl restart`, `try-restart`): it sends
/// SIGTERM for that as for a stop, and only the unit's job tells them apart (org.freedesktop.systemd1(5)).
/// False without systemd, and, with a line in the log, where it does not answer: it has 3 s for each
/// question.
bool is_being_restarted();

/// The same, asked of the systemd at the other end: 1, or 0; or a negative errno where it does not tell.
int restart_job(sd_bus& bus);

} // namespace sandbox
