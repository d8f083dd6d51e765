#pragma once

#include "sandbox/protocol/message.hpp"

#include <deque>
#include <optional>
#include <string>

namespace sandbox::launcher {

/// The last figures of sandboxes that have ended, until the manager has stored them: whichever of the two
/// dies at whatever moment, how a session ended is told. Files in the run folder, so that they outlive the
/// launcher, and not the boot.
class LastWords {
  public:
    /// Finds those that an earlier launcher left in the folder.
    explicit LastWords(std::string folder, std::size_t most = 4096);

    /// Replaces those of the same session. Where there are too many, the oldest go: a manager that forgets
    /// nothing must not fill the host's memory.
    void keep(const protocol::Ended& ended);
    std::optional<protocol::Ended> find(const std::string& session) const;
    void forget(const std::string& session);

    /// The oldest first.
    const std::deque<std::string>& sessions() const { return sessions_; }

  private:
    std::string path(const std::string& session) const;

    const std::string folder_;
    const std::size_t most_;
    std::deque<std::string> sessions_;
};

} // namespace sandbox::launcher
