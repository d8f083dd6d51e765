#pragma once

namespace sandbox {

/// Whether stderr is a stream of the journal: JOURNAL_STREAM names it by device and inode, as whoever
/// inherits the variable may have another stderr (systemd.exec(5)).
bool stderr_is_journal();

} // namespace sandbox
