#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace standin {

enum class Level { note, warning, error, bug };

/// What one request's commands logged, as the REST reply shows it.
struct LogMessages {
    std::array<std::vector<std::string>, 4> by_level;
    std::string plain; ///< all of them in the order of logging, for `json false`
};

/// ChimeraX's log without a window: to stdout as `INFO:` and a text, or, while a request runs, into the
/// request's reply and nowhere else. Main thread only.
class Logger {
  public:
    explicit Logger(bool silent) : silent_(silent) {}

    void log(Level level, std::string_view text);
    void note(std::string_view text) { log(Level::note, text); }
    /// Status messages never are in a reply.
    void status(std::string_view text) const;

    void begin_capture() { capture_ = &messages_; }
    LogMessages end_capture();
    /// A request of the REST server is what runs now.
    bool is_capturing() const { return capture_ != nullptr; }

  private:
    bool silent_;
    LogMessages messages_;
    LogMessages* capture_ = nullptr;
};

/// Prints and flushes: whoever reads our pipe sees it now.
void print(std::string_view text);

} // namespace standin
