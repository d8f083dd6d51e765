#pragma once

#include "launcher/host/launcher_context.hpp"
#include "sandbox/protocol/message.hpp"

#include <array>
#include <optional>
#include <string>

namespace sandbox::launcher {

/// A session's two folders, which root owns and the manager may read: in the run folder session.json and the
/// exit record, in the state folder the log segments. Removed again unless kept.
class SessionDir {
  public:
    /// Error conflict where one of the name is left over: it is never reused.
    SessionDir(const LauncherContext& context, const std::string& session);
    ~SessionDir();
    SessionDir(SessionDir&& other) noexcept;
    SessionDir& operator=(SessionDir&&) = delete;

    int record() const { return record_.get(); }
    int log(std::size_t index) const { return logs_.at(index).get(); }
    void keep() { kept_ = true; }

  private:
    std::string run_, logs_dir_;
    UniqueFd record_;
    std::array<UniqueFd, 4> logs_;
    bool kept_ = false;
};

std::string run_folder(const LauncherContext& context, const std::string& session);
std::string log_folder(const LauncherContext& context, const std::string& session);
void remove_run_folder(const LauncherContext& context, const std::string& session);
void remove_log_folder(const LauncherContext& context, const std::string& session);

/// session.json: the facts of a whole sandbox, from which a launcher or a manager that starts anew knows it
/// again.
void write_session_file(const LauncherContext& context, const protocol::Launched& facts);
std::optional<protocol::Launched> read_session_file(const LauncherContext& context,
                                                    const std::string& session);

/// The last whole line of the exit record.
std::optional<protocol::ExitRecord> read_exit_record(const LauncherContext& context,
                                                     const std::string& session);

} // namespace sandbox::launcher
