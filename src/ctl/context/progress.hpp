#pragma once

#include "ctl/context/context.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace sandbox::ctl {

/// A line on standard error that tells how far something is that takes long: on a terminal only, from the
/// first half second on, and gone at the end. Nothing else may write there while it lives.
class Progress {
  public:
    Progress(const Context& context, std::string what);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// From any thread.
    void tell(std::string what);
    /// Another thing, whose time begins now.
    void next(std::string what);
    /// Does something that writes to the terminal, with the line out of its way. One at a time, from any
    /// thread.
    template <typename Action>
    void aside(const Action& action) {
        const std::lock_guard lock(mutex_);
        clear();
        action();
    }

  private:
    void run();
    void clear();

    std::ostream& err_;
    std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
    std::mutex mutex_;
    std::condition_variable changed_;
    std::string what_;
    bool over_ = false;
    bool shown_ = false;
    std::thread thread_; ///< none where nothing is shown
};

/// "12.5M of 40M, 31 %".
std::string share_text(std::uint64_t done, std::uint64_t all);

} // namespace sandbox::ctl
