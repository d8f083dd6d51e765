#pragma once

#include "launcher/host/launcher_context.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/protocol/message.hpp"

#include <optional>
#include <string>
#include <vector>

#include <linux/filter.h>
#include <sys/types.h>

namespace sandbox::launcher {

/// The child's descriptors while its calls are learned: it closes the first once the second is there.
inline constexpr int kReadyFd = 63;

/// Counts the system calls of one session, and decides on each as the session's own filter would have: a
/// session that is learned from may do no more than any other, only slower. The counting is a process of its
/// own, without rights, in the session's group `init`; it outlives the launcher and ends with the last
/// process of the session.
class SyscallRecorder {
  public:
    /// Before the sandbox's child is cloned, so that it inherits `ready`. Throws Error.
    SyscallRecorder(const LauncherContext& context, const std::string& session);

    /// For the child, which moves it to kReadyFd: when its last copy is closed, the child has put itself
    /// under the filter, as its descriptor `protocol::init::kEndFd`.
    int ready() const { return ready_.get(); }

    /// After it was cloned. `program` is the session's filter. Throws Error.
    pid_t start(int child_pidfd, int cgroup, const std::vector<sock_filter>& program);

  private:
    UniqueFd counts_, ready_, is_ready_;
};

/// What was counted so far; none for a session that is not learned from.
std::optional<protocol::SystemCalls> read_system_calls(const LauncherContext& context,
                                                       const std::string& session);

} // namespace sandbox::launcher
