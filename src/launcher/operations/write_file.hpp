#pragma once

#include "launcher/build/sandbox_builder.hpp"
#include "launcher/sandbox/sandbox.hpp"
#include "sandbox/base/duration.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/protocol/message.hpp"
#include "sandbox/protocol/packet_socket.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace sandbox::launcher {

/// A file on its way into a workspace. Pages of a tmpfs are charged to the cgroup of who writes them, so a
/// child does it, as the session's user and in the session's own group beside sandbox-init: there neither
/// pids.max nor a new start of ChimeraX is in its way. Where memory is short the kernel takes it first
/// (oom_score_adj), and what it wrote goes with it: until it is whole the file has no name. The launcher
/// gives it one, so that between the preconditions and the name nobody else of the API comes. Driven by the
/// server's loop: call `advance` when the descriptor or the deadline asks for it.
class FileWriter {
  public:
    /// Throws Error invalid_argument for a path or a source that cannot be one.
    FileWriter(const Sandbox& sandbox, protocol::PutFile request, UniqueFd source);

    const std::string& session() const { return request_.session; }
    int status_fd() const { return status_.get(); }
    BootClock::time_point deadline() const { return std::min(pause_, end_); }

    /// None: it goes on. Throws Error with what went wrong; then nothing of it is left.
    std::optional<protocol::Stored> advance();

  private:
    std::optional<protocol::Stored> take(protocol::Received said);
    void check_progress();
    protocol::Stored give_name();

    protocol::PutFile request_;
    const std::string name_; ///< for messages
    const std::uint32_t uid_;
    UniqueFd workspace_;
    UniqueFd status_;
    ScopedChild child_;
    UniqueFd parent_, file_; ///< the child's, once it has them
    std::uint64_t seen_ = 0; ///< bytes in the workspace
    BootClock::time_point pause_, end_;
};

} // namespace sandbox::launcher
