#pragma once

namespace sandbox {

/// Whether systemd stops this service only to start it again (`systemctl restart`, `try-restart`): it sends
/// SIGTERM for that as for a stop, and only the unit's job tells them apart (org.freedesktop.systemd1(5)).
/// False without systemd, and, with a line in the log, where it does not answer: it has 3 s for each
/// question.
bool is_being_restarted();

} // namespace sandbox
