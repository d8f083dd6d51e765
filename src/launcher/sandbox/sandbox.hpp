#pragma once

#include "sandbox/base/unique_fd.hpp"
#include "sandbox/kernel/cgroup.hpp"
#include "sandbox/protocol/message.hpp"

#include <sys/types.h>

namespace sandbox::launcher {

/// A finished sandbox as the launcher keeps it.
struct Sandbox {
    protocol::Launched facts; ///< as in session.json
    UniqueFd pidfd;           ///< of sandbox-init
    kernel::CgroupDir cgroup; ///< the session's folder
    UniqueFd published;       ///< the listening socket of its published port
};

/// ChimeraX's own process, as the host sees it: sandbox-init's child in payload/. 0 when there is none.
pid_t find_engine(const kernel::CgroupDir& session, pid_t init);

} // namespace sandbox::launcher
