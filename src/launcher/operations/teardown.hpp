#pragma once

#include "launcher/host/launcher_context.hpp"
#include "launcher/sandbox/sandbox.hpp"

#include <optional>

namespace sandbox::launcher {

/// The way of one sandbox to its end: the end of ChimeraX's stdin, after `grace` SIGTERM, after `grace` again
/// cgroup.kill. Driven by the server's loop: call `advance` when one of the descriptors or the deadline asks
/// for it.
class Teardown {
  public:
    Teardown(Sandbox& sandbox, Duration grace);

    /// payload's cgroup.events (POLLPRI) and sandbox-init's pidfd (POLLIN).
    int events_fd() const { return events_.get(); }
    BootClock::time_point deadline() const { return deadline_; }

    enum class Progress {
        waiting,
        empty, ///< no process is left
        stuck, ///< a process is left that even SIGKILL does not end
    };
    Progress advance();
    /// To shorten the way of an ending that a caller is too impatient for.
    void hurry(Duration grace);

    /// What it took so far: "already_ended", "stdin", "sigterm", "cgroup.kill".
    std::string_view last_rung() const { return last_rung_; }

  private:
    enum class Stage { terminate, kill_payload, kill_all, give_up };
    void climb();

    Sandbox& sandbox_;
    Duration grace_;
    kernel::CgroupDir payload_;
    UniqueFd events_;
    Stage next_ = Stage::terminate;
    std::string_view last_rung_ = "stdin";
    BootClock::time_point last_rung_time_ = BootClock::now();
    BootClock::time_point deadline_;
};

/// The figures of an empty sandbox, read before its groups are removed.
protocol::Ended read_last_figures(const LauncherContext& context, const std::string& session,
                                  const kernel::CgroupDir& cgroup);

} // namespace sandbox::launcher
