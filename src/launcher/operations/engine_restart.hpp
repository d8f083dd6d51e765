#pragma once

#include "launcher/sandbox/sandbox.hpp"
#include "sandbox/base/duration.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::launcher {

/// A new ChimeraX in a sandbox that stays: kills what is in payload/, and tells sandbox-init to start it
/// again. Driven by the server's loop: call `advance` when the descriptor or the deadline asks for it.
class EngineRestart {
  public:
    explicit EngineRestart(Sandbox& sandbox);

    /// payload's cgroup.events (POLLPRI).
    int events_fd() const { return events_.get(); }
    BootClock::time_point deadline() const { return deadline_; }

    enum class Progress {
        waiting,
        done,  ///< sandbox-init has started it; whether it lives is seen in payload/
        stuck, ///< a process is left that even SIGKILL does not end
    };
    Progress advance();
    bool told() const { return told_; }

  private:
    Sandbox& sandbox_;
    kernel::CgroupDir payload_;
    UniqueFd events_;
    bool told_ = false;
    BootClock::time_point deadline_;
};

} // namespace sandbox::launcher
