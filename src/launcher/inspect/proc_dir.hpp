#pragma once

#include "sandbox/base/unique_fd.hpp"

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace sandbox::launcher {

/// /proc/PID of one process by descriptor: once that process is gone nothing can be read by it any more, also
/// where its pid has been given to another.
class ProcDir {
  public:
    /// None where there is no such process.
    static std::optional<ProcDir> open(pid_t pid);
    /// A numbered folder of another proc file system.
    static std::optional<ProcDir> open_at(int proc_fd, const std::string& name);

    int fd() const { return fd_.get(); }
    /// Without line ends at its end; empty when the process has ended. What is above the limit is cut off.
    std::string read(const std::string& file) const;
    /// Empty when there is none.
    std::string link(const std::string& name) const;
    /// One field of `status`, its words one space apart; empty where it is not there.
    std::string status(const std::string& field) const;

  private:
    explicit ProcDir(UniqueFd fd) : fd_(std::move(fd)) {}
    UniqueFd fd_;
    mutable std::string status_; ///< as it was read once
};

std::vector<std::string> lines_of(const std::string& text, std::size_t most);
/// The words of a text with one space between them: proc(5) pads with tabs and spaces.
std::string one_spaced(const std::string& text);

/// The numbers that name entries of a folder, as those of /proc and /proc/PID/fd: in order, at most `most`.
std::vector<int> numbered_entries(int dir_fd, const char* path, std::size_t most);

} // namespace sandbox::launcher
