#include "ctl/terminal/line_source.hpp"

#include "ctl/terminal/terminal_guard.hpp"
#include "sandbox/base/error.hpp"

#include <array>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cwchar>
#include <utility>

#include <histedit.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

namespace sandbox::ctl {
namespace {

constexpr int kOftenMs = 20'000;
constexpr int kKeptLines = 1000;

enum class Ready { input, meanwhile };

Ready wait_for_either(int input, int wake) {
    std::array<pollfd, 2> waited{pollfd{wake, POLLIN, 0}, pollfd{input, POLLIN, 0}};
    for (;;) {
        const int count = ::poll(waited.data(), waited.size(), kOftenMs);
        if (count < 0 && errno != EINTR)
            throw_errno("wait for a line");
        if (count < 0)
            continue;
        return waited[0].revents == 0 && waited[1].revents != 0 ? Ready::input : Ready::meanwhile;
    }
}

class PlainLines : public LineSource {
  public:
    explicit PlainLines(int input) : input_(input) {}

    std::optional<std::string> next(int wake, const Meanwhile& meanwhile) override {
        for (;;) {
            const std::size_t end = rest_.find('\n');
            if (end != std::string::npos) {
                std::string line = rest_.substr(0, end);
                rest_.erase(0, end + 1);
                return line;
            }
            if (at_end_)
                return rest_.empty() ? std::nullopt : std::optional(std::exchange(rest_, {}));
            if (wait_for_either(input_, wake) == Ready::input)
                read_some();
            else if (!meanwhile())
                return std::nullopt;
        }
    }

    std::optional<std::string> ask(const std::string&, int wake, const Meanwhile& meanwhile) override {
        return next(wake, meanwhile); // nobody is there to read the question
    }

    int interrupt_key() const override { return -1; }

  private:
    void read_some() {
        std::array<char, 4096> piece{};
        const ssize_t got = ::read(input_, piece.data(), piece.size());
        if (got < 0 && errno != EINTR)
            throw_errno("read commands");
        at_end_ = got == 0;
        rest_.append(piece.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    }

    int input_;
    bool at_end_ = false;
    std::string rest_;
};

class EditedLines : public LineSource {
  public:
    explicit EditedLines(std::string prompt) : prompt_(std::move(prompt)) {
        std::setlocale(LC_CTYPE, ""); // how the terminal's characters are written
        if (termios modes{}; ::tcgetattr(STDIN_FILENO, &modes) == 0 &&
                             modes.c_cc[VINTR] != static_cast<cc_t>(::fpathconf(STDIN_FILENO, _PC_VDISABLE)))
            interrupt_ = modes.c_cc[VINTR];
        edit_.reset(::el_init("sandboxctl", stdin, stdout, stderr));
        history_.reset(::history_init());
        if (!edit_ || !history_)
            throw Error(Errc::unsupported, "this terminal has no line editor", "Pipe the commands in.");
        HistEvent ignored{};
        ::history(history_.get(), &ignored, H_SETSIZE, kKeptLines);
        ::el_set(edit_.get(), EL_CLIENTDATA, this);
        ::el_set(edit_.get(), EL_PROMPT, &prompt_of);
        ::el_set(edit_.get(), EL_EDITOR, "emacs");
        ::el_set(edit_.get(), EL_SIGNAL, 1); // it sees a new width; then terminal_'s handlers follow
        ::el_set(edit_.get(), EL_HIST, &::history, history_.get());
        ::el_set(edit_.get(), EL_GETCFN, &next_character);
        ::el_source(edit_.get(), nullptr); // ~/.editrc
        // Between two lines too, and while it writes its prompt, the terminal only collects keys: in
        // canonical mode it would take Ctrl-D and others for itself.
        // Ctrl-C is a key too, which clears the line.
        for (const char* mode : {"-x", "-d"})
            ::el_set(edit_.get(), EL_SETTY, mode, "intr=", static_cast<const char*>(nullptr));
        ::el_set(edit_.get(), EL_SETTY, "-x", "-icanon", "-echo", static_cast<const char*>(nullptr));
    }

    std::optional<std::string> next(int wake, const Meanwhile& meanwhile) override {
        std::optional<std::string> line = edit(wake, meanwhile);
        if (line && !line->empty()) {
            HistEvent ignored{};
            ::history(history_.get(), &ignored, H_ENTER, line->c_str());
        }
        return line;
    }

    std::optional<std::string> ask(const std::string& question, int wake,
                                   const Meanwhile& meanwhile) override {
        const std::string before = std::exchange(prompt_, question);
        std::optional<std::string> line = edit(wake, meanwhile);
        prompt_ = before;
        return line;
    }

    int interrupt_key() const override { return interrupt_; }

  private:
    std::optional<std::string> edit(int wake, const Meanwhile& meanwhile) {
        wake_ = wake;
        meanwhile_ = &meanwhile;
        int length = 0;
        const char* text = ::el_gets(edit_.get(), &length);
        if (text == nullptr || length <= 0) {
            std::fputc('\n', stdout);
            return std::nullopt;
        }
        std::string line(text, static_cast<std::size_t>(length));
        if (line.ends_with('\n'))
            line.pop_back();
        return line;
    }

    /// Ctrl-C, or what the terminal has in its place: the line goes, in any of the editor's modes.
    void clear_line() {
        const LineInfoW* line = ::el_wline(edit_.get());
        const auto size = static_cast<int>(line->lastchar - line->buffer);
        ::el_cursor(edit_.get(), size);
        ::el_deletestr(edit_.get(), size);
        std::fputs(std::exchange(told_, true) ? "^C\n" : "^C\nCtrl-D leaves, and the session goes on.\n",
                   stdout);
        std::fflush(stdout);
        ::el_set(edit_.get(), EL_REFRESH);
    }

    static EditedLines& self_of(EditLine* edit) {
        void* self = nullptr;
        ::el_get(edit, EL_CLIENTDATA, &self);
        return *static_cast<EditedLines*>(self);
    }

    static char* prompt_of(EditLine* edit) { return self_of(edit).prompt_.data(); }

    /// 1 for a character, 0 for the end.
    static int next_character(EditLine* edit, wchar_t* character) {
        EditedLines& self = self_of(edit);
        std::mbstate_t state{};
        for (;;) {
            if (wait_for_either(STDIN_FILENO, self.wake_) == Ready::meanwhile) {
                std::fputs("\r\033[K", stdout); // what is said takes the line's place
                std::fflush(stdout);
                if (!(*self.meanwhile_)())
                    return 0;
                ::el_set(edit, EL_REFRESH);
                continue;
            }
            char byte = 0;
            const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
            if (got < 0 && errno == EINTR)
                continue;
            if (got <= 0)
                return 0;
            if (static_cast<unsigned char>(byte) == self.interrupt_) {
                self.clear_line();
                continue;
            }
            const std::size_t used = std::mbrtowc(character, &byte, 1, &state);
            if (used == static_cast<std::size_t>(-1)) // not of this character set: as if it was not typed
                state = {};
            else if (used != static_cast<std::size_t>(-2))
                return 1;
        }
    }

    struct EndEdit {
        void operator()(EditLine* edit) const {
            ::el_set(edit, EL_EDITMODE, 0); // or it throws away what is typed already, for the shell
            ::el_end(edit);
        }
    };
    struct EndHistory {
        void operator()(History* history) const { ::history_end(history); }
    };

    KeptTerminal terminal_; // the first member: the terminal is given back last
    std::string prompt_;
    std::unique_ptr<History, EndHistory> history_;
    std::unique_ptr<EditLine, EndEdit> edit_;
    int wake_ = -1;
    const Meanwhile* meanwhile_ = nullptr;
    int interrupt_ = -1; ///< the terminal's own key for it; none: -1
    bool told_ = false;
};

} // namespace

std::unique_ptr<LineSource> plain_lines(int input) {
    return std::make_unique<PlainLines>(input);
}

std::unique_ptr<LineSource> edited_lines(const std::string& prompt) {
    return std::make_unique<EditedLines>(prompt);
}

} // namespace sandbox::ctl
