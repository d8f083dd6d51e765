#pragma once

#include "sandbox/kernel/cgroup.hpp"
#include "sandbox/manager/session_view.hpp"

namespace sandbox::manager {

/// The folder below a session's group where ChimeraX runs.
inline constexpr const char* kPayload = "payload";

/// The session's figures from its folder's own files (cgroup-v2.rst). Memory, CPU time and tasks are those of
/// the whole session: what its limits count. A file that is not there (the host lacks the controller) leaves
/// its figure absent.
SessionView::Usage read_usage(const kernel::CgroupDir& session);

} // namespace sandbox::manager
