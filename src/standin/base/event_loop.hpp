#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>

namespace standin {

/// The main thread's queue. Commands run here alone, one after the other, whoever sends them.
class EventLoop {
  public:
    /// Runs `work` on the main thread, after what is queued. Until `run` has begun, as the start-up commands
    /// still run, it runs at once on the caller's thread, which is what ChimeraX does.
    void post(std::function<void()> work);
    /// Works until somebody asks to stop; gives the exit status.
    int run();
    void stop(int exit_status);

    /// Held by whoever runs a command: start-up and the REST thread can meet.
    std::mutex& command_mutex() { return command_mutex_; }

  private:
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> queue_;
    bool running_ = false;
    std::optional<int> exit_status_;
    std::mutex command_mutex_;
};

} // namespace standin
