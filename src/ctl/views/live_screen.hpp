#pragma once

#include "ctl/context/context.hpp"

#include <functional>
#include <memory>
#include <string>

namespace sandbox::ctl {

/// A terminal that is drawn on again and again: its own screen without a cursor, single keys without echo,
/// signals as events. All as it was before when it goes out of scope, whatever ended it.
class LiveScreen {
  public:
    explicit LiveScreen(Terminal& terminal);
    ~LiveScreen();
    LiveScreen(const LiveScreen&) = delete;
    LiveScreen& operator=(const LiveScreen&) = delete;

    std::size_t width() const;
    std::size_t height() const;
    /// As many lines as there is room for.
    void show(const std::string& text);

    struct Event {
        enum class Kind { time_out, key, resized, stop };
        Kind kind = Kind::time_out;
        char key = 0;   ///< key only
        int signal = 0; ///< stop only; 0: its input has ended
    };
    Event wait(Duration timeout);

  private:
    struct Saved;
    Terminal& terminal_;
    std::unique_ptr<Saved> saved_;
};

/// Draws `frame` each `interval`, when it is due for new figures, and after each key and change of size,
/// until `q` or a signal; `on_key` takes every other key. Returns the exit status: 0, or 128 and the signal's
/// number.
int run_live(Terminal& terminal, Duration interval,
             const std::function<std::string(const LiveScreen&, bool due)>& frame,
             const std::function<void(char)>& on_key);

} // namespace sandbox::ctl
