#pragma once

#include "launcher/build/child_setup.hpp"
#include "launcher/build/seccomp_program.hpp"
#include "launcher/cgroup/driver.hpp"
#include "launcher/cgroup/session_cgroup.hpp"
#include "launcher/host/launcher_context.hpp"
#include "launcher/records/session_dir.hpp"
#include "launcher/sandbox/sandbox.hpp"

#include <memory>
#include <optional>

namespace sandbox::launcher {

/// Memory that launcher and child share, for the child's marks.
class SharedTimeline {
  public:
    SharedTimeline();
    ~SharedTimeline();
    SharedTimeline(const SharedTimeline&) = delete;
    SharedTimeline& operator=(const SharedTimeline&) = delete;
    Timeline& get() { return *timeline_; }

  private:
    Timeline* timeline_;
};

/// The child of clone until it is finished: killed and reaped unless released.
class ScopedChild {
  public:
    ScopedChild() = default;
    ScopedChild(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
    ~ScopedChild();
    ScopedChild(ScopedChild&&) = delete;
    ScopedChild& operator=(ScopedChild&& other) noexcept;

    pid_t pid() const { return pid_; }
    int pidfd() const { return pidfd_.get(); }
    UniqueFd release() { return std::move(pidfd_); }

  private:
    pid_t pid_ = 0;
    UniqueFd pidfd_;
};

/// One sandbox in the making. Whatever is there when it goes out of scope unfinished is undone, in the
/// reverse order. The caller's loop waits on `status_fd` and calls `advance`; the child never holds the loop
/// up.
class SandboxBuilder {
  public:
    /// Does the launcher's own steps and clones the child. Throws Error.
    SandboxBuilder(LauncherContext& context, SeccompPrograms& programs, SandboxSpec spec,
                   const TenantGroup& group, const Timeline& started, std::string token_hash);

    int status_fd() const { return status_.get(); }
    const SandboxSpec& spec() const { return spec_; }
    /// Reads what the child says. True when ChimeraX runs. Throws Error with the step that failed.
    bool advance();
    /// After `advance` said true: hands it over and records it.
    Sandbox finish();

  private:
    UniqueFd make_config() const;
    void start_child(SeccompPrograms& programs);
    void write_id_maps() const;

    LauncherContext& context_;
    SandboxSpec spec_;
    std::string token_hash_;
    SharedTimeline timeline_;
    SessionDir folder_;
    UniqueFd network_;
    kernel::CgroupDir tenant_;
    SessionCgroup cgroup_;
    UniqueFd status_;
    ScopedChild child_;
    std::optional<pid_t> learner_;
};

} // namespace sandbox::launcher
