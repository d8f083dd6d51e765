#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace sandbox::ctl {

/// Lines that somebody types, with editing and history, or that come from a file or pipe.
class LineSource {
  public:
    /// Called while a line is waited for: returns false when no more is wanted.
    using Meanwhile = std::function<bool()>;

    virtual ~LineSource() = default;
    /// The next line, without its end; none at the end of the input (Ctrl-D), or when `meanwhile`, which is
    /// called each time that `wake` is readable, and at least every 20 s, says so.
    virtual std::optional<std::string> next(int wake, const Meanwhile& meanwhile) = 0;
    /// The same, with a question in the place of the prompt; the answer is no part of the history.
    virtual std::optional<std::string> ask(const std::string& question, int wake,
                                           const Meanwhile& meanwhile) = 0;
    /// The terminal's key for SIGINT, which is none as long as this lives; -1: there was none.
    virtual int interrupt_key() const = 0;
};

/// `input` is read as it is; nothing is echoed.
std::unique_ptr<LineSource> plain_lines(int input);

/// A line editor on the terminal that is this process's standard input and output (libedit). While it lives,
/// keys are not echoed, and what is typed while no line is waited for is the start of the next. Ctrl-C clears
/// the line that is typed.
std::unique_ptr<LineSource> edited_lines(const std::string& prompt);

} // namespace sandbox::ctl
