#pragma once

#include "ctl/http/api_client.hpp"
#include "ctl/terminal/event_fd.hpp"

#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace sandbox::ctl {

/// What a session's ChimeraX writes to its two streams from now on, in threads of its own, until the session
/// has ended.
class LiveLog {
  public:
    enum class Stream { out, err };
    /// Gets the text as it comes, from one thread at a time.
    using Take = std::function<void(Stream, std::string_view)>;

    /// Returns once both streams are followed, or cannot be.
    LiveLog(ApiClient api, std::string session, Take take);
    LiveLog(const LiveLog&) = delete;
    LiveLog& operator=(const LiveLog&) = delete;
    ~LiveLog(); ///< waits for nothing

    /// Waits for the last words of a session that has ended, at most so long.
    void finish(Duration patience);

    /// False where lines may have been lost on the way.
    bool is_whole() const { return !broken_; }

  private:
    void follow(Stream stream);
    /// One request's life. False: there is nothing more to come.
    bool follow_once(Stream stream);
    void note(unsigned& count);

    ApiClient api_;
    std::string session_;
    Take take_;
    Bell enough_;
    std::mutex mutex_, taking_;
    std::condition_variable changed_;
    unsigned begun_ = 0, over_ = 0;
    std::atomic<bool> broken_ = false;
    std::array<std::thread, 2> threads_; // the last member: what they use is there before them
};

} // namespace sandbox::ctl
