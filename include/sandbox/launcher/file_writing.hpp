#pragma once

#include "sandbox/base/duration.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/launcher/construction.hpp"
#include "sandbox/protocol/message.hpp"

#include <optional>
#include <string>

namespace sandbox::launcher {

/// A file on its way into a workspace. Pages of a tmpfs are charged to the cgroup of who writes them, so a
/// child does it, as the session's user and in the session's own group beside sandbox-init: there neither
/// pids.max nor a new start of ChimeraX is in its way. Where memory is short the kernel takes it first
/// (oom_score_adj), and what it wrote goes with it: until it is whole the file has no name. Driven by the
/// server's loop: call `advance` when the descriptor or the deadline asks for it.
class FileWriting {
  public:
    /// Throws Error invalid_argument for a path or a source that cannot be one.
    FileWriting(const Sandbox& sandbox, protocol::PutFile request, UniqueFd source);

    const std::string& session() const { return request_.session; }
    int status_fd() const { return status_.get(); }
    BootClock::time_point deadline() const { return deadline_; }

    /// None: it goes on. Throws Error with what went wrong; then nothing of it is left.
    std::optional<protocol::Stored> advance();

  private:
    protocol::PutFile request_;
    UniqueFd status_;
    ScopedChild child_;
    BootClock::time_point deadline_;
};

} // namespace sandbox::launcher
