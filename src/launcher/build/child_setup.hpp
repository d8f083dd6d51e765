#pragma once

#include "launcher/spec/launch_step.hpp"
#include "launcher/spec/sandbox_spec.hpp"

#include <optional>
#include <string>
#include <vector>

#include <linux/filter.h>

namespace sandbox::launcher {

/// What the child of clone needs beside the blueprint: descriptors (the launcher's own, valid in the copy)
/// and prepared data.
struct ChildInput {
    const SandboxSpec& spec;
    Timeline& timeline; ///< shared memory
    std::string anchor; ///< the empty folder on which the new root is put meanwhile
    std::string label;  ///< `session_label`

    int netns = -1;
    int cgroup_namespace = -1;
    int status = -1;           ///< SOCK_SEQPACKET to the launcher: protocol::init::Status
    int launchers_status = -1; ///< the launcher's end of it
    int config = -1, record = -1, payload_procs = -1, init_procs = -1;
    int logs[4] = {-1, -1, -1, -1};
    int init_image = -1;

    std::vector<sock_filter> seccomp;
    int learner = -1; ///< SyscallRecorder::ready: `seccomp` is one of `kernel::notifying_program`
    /// Tests only: after this step it asks the launcher to die, and waits for that.
    std::optional<Step> fault;
};

/// Runs in the child: becomes sandbox-init, or reports the step and the error and ends.
[[noreturn]] void run_child(const ChildInput& input) noexcept;

/// Status::error_number of a child that has come to its fault point.
inline constexpr int kFaultReached = -1;

} // namespace sandbox::launcher
