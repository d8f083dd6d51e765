#pragma once

#include "sandbox/base/unique_fd.hpp"

#include <string>
#include <string_view>

#include <sys/stat.h>

namespace sandbox::ctl {

/// A file that a verb writes. What is not a regular file (a device, a pipe, a terminal, a descriptor of this
/// process) is written into. A regular one is seen under its name, at the end of all links, only when all of
/// it is there, and keeps its owner, group, mode and ACL; set-user-ID bits go, as with any other write.
class OutputFile {
  public:
    /// `is_secret`: a regular file is for its owner alone, whatever was there. Throws Error, before anything
    /// is asked of the API where that can be known.
    explicit OutputFile(const std::string& path, bool is_secret = false);
    /// Throws Error where it can be seen that nothing could be written there, before long work for it begins.
    static void check(const std::string& path);
    ~OutputFile(); ///< removes what was not kept
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;

    void write(std::string_view piece);
    /// All was written: on to the disk, and into its place. Throws Error, with nothing changed where it can.
    void keep();

  private:
    void open_beside();
    bool dress() const;
    bool replace();
    void pour() const;
    void flush(int fd) const;

    std::string path_;      ///< as it was given
    std::string target_;    ///< at the end of its links
    std::string temporary_; ///< the name beside it, as long as it has one
    struct stat old_ {};
    bool is_secret_;
    bool replaces_ = false;  ///< a regular file was there
    bool direct_ = false;    ///< written into, no second file
    bool elsewhere_ = false; ///< the second file is in another folder
    UniqueFd fd_;
};

} // namespace sandbox::ctl
