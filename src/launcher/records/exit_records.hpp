#pragma once

#include "sandbox/protocol/message.hpp"

#include <deque>
#include <optional>
#include <string>

namespace sandbox::launcher {

/// The last figures of sandboxes that have ended, and their logs, until the manager has stored them:
/// whichever of the two dies at whatever moment, how a session ended is told, and so are ChimeraX's own last
/// words. The figures are files in the run folder, so that they outlive the launcher, and not the boot; the
/// logs are in the state folder, and outlive that too.
class ExitRecords {
  public:
    /// Finds the figures that an earlier launcher left in the folder. Below `logs_folder` each session has
    /// the folder of its log.
    ExitRecords(std::string folder, std::string logs_folder, std::size_t most = 4096);

    /// Replaces those of the same session. Where there are too many, the oldest go: a manager that forgets
    /// nothing must not fill the host's memory.
    void keep(const protocol::Ended& ended);
    /// Keeps the log of a session of whose end there are no figures, as the boot before had them.
    void keep_log(const std::string& session);
    /// nullopt: there are no figures.
    std::optional<protocol::Ended> find(const std::string& session) const;
    /// Whether figures or a log are kept.
    bool has(const std::string& session) const;
    /// Removes both.
    void forget(const std::string& session);

    /// The oldest first.
    const std::deque<std::string>& sessions() const { return sessions_; }

  private:
    std::string path(const std::string& session) const;
    void add(const std::string& session);

    const std::string folder_, logs_folder_;
    const std::size_t most_;
    std::deque<std::string> sessions_;
};

} // namespace sandbox::launcher
