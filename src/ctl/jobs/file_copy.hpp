#pragma once

#include "ctl/context/progress.hpp"
#include "ctl/jobs/workspace.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

namespace sandbox::ctl {

/// Files and folders on their way between here and a session's workspace. With `recursive`, what cannot be
/// copied is named on standard error and the rest is copied. Links are followed, as scp and `cp -rL` do, and
/// arrive under their own names; each throws Error where nothing can be copied.
class FileCopy {
  public:
    FileCopy(Context& context, const ApiClient& api, std::string session);

    void out(const std::string& path, std::filesystem::path local, bool recursive);
    void to_output(const std::string& path);
    /// `path` may be a folder that is there, or ends with `/`: then the file goes into it.
    void in(const std::filesystem::path& local, std::string path, bool recursive);
    void from_input(const std::string& path);

    bool is_whole() const { return left_out_ == 0; }

  private:
    OnBytes told(const std::string& path);
    void leave_out(const std::string& name, const std::string& why);
    void leave_out(const std::string& name, const Error& error);
    void folder_out(const std::string& path, const std::filesystem::path& local);
    void entry_out(const Workspace::Entry& entry, const std::string& path,
                   const std::filesystem::path& local);
    void folder_in(const std::filesystem::path& local, const std::string& path);
    void entry_in(const std::filesystem::path& local, const std::string& path);

    Context& context_;
    std::string session_;
    Workspace workspace_;
    Progress progress_;
    std::size_t left_out_ = 0;
    std::vector<std::pair<dev_t, ino_t>> above_; ///< the folders that are being sent, from the outermost
};

} // namespace sandbox::ctl
