#include "ctl/terminal/event_fd.hpp"
#include "ctl/terminal/line_source.hpp"
#include "sandbox/base/file.hpp"

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>

using namespace sandbox;
using namespace sandbox::ctl;

namespace {

constexpr int kDeadlineMs = 20'000;

/// A program at a terminal of its own, as a shell runs it, which takes lines and says each as "<line>". It
/// reads nothing more after a line, or while it shows a notice, until it is let.
class AtTerminal {
  public:
    struct Report { ///< what the shell sees once the program has ended or stopped
        int status;
        termios before, modes;
        int unread; ///< bytes that are typed already
    };

    AtTerminal() {
        std::array<int, 2> ends{};
        REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
        reports_ = UniqueFd(ends[0]);
        const UniqueFd writer(ends[1]);
        const winsize size{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
        int primary = -1;
        std::fflush(stdout);
        shell_ = ::forkpty(&primary, nullptr, nullptr, &size);
        REQUIRE(shell_ >= 0);
        if (shell_ == 0)
            ::_exit(run_as_shell(writer.get()));
        primary_ = UniqueFd(primary);
    }
    AtTerminal(const AtTerminal&) = delete;
    AtTerminal& operator=(const AtTerminal&) = delete;
    ~AtTerminal() {
        primary_.reset(); // SIGHUP ends what still runs
        ::kill(shell_, SIGKILL);
        ::waitpid(shell_, nullptr, 0);
    }

    void type(std::string_view keys) { write_all(primary_.get(), keys, "the terminal"); }
    void notice() { notice_.ring(); }
    void let() { let_.ring(); }

    /// Waits until it is on the screen, behind what was waited for before.
    bool shows(const std::string& what) {
        while (screen_.find(what) == std::string::npos) {
            std::array<char, 4096> piece{};
            pollfd waited{primary_.get(), POLLIN, 0};
            const ssize_t got =
                ::poll(&waited, 1, kDeadlineMs) == 1 ? ::read(primary_.get(), piece.data(), piece.size()) : 0;
            if (got <= 0) {
                UNSCOPED_INFO("no " << what << " in " << screen_);
                return false;
            }
            screen_.append(piece.data(), static_cast<std::size_t>(got));
        }
        screen_.erase(0, screen_.find(what) + what.size());
        return true;
    }

    /// Waits for the end or a stop.
    int status() {
        pollfd waited{reports_.get(), POLLIN, 0};
        REQUIRE(::poll(&waited, 1, kDeadlineMs) == 1);
        REQUIRE(::read(reports_.get(), &last_, sizeof last_) == sizeof last_);
        return last_.status;
    }
    int unread() const { return last_.unread; }
    bool is_as_it_was() const {
        const termios &before = last_.before, &after = last_.modes;
        return after.c_iflag == before.c_iflag && after.c_oflag == before.c_oflag &&
               after.c_lflag == before.c_lflag &&
               std::memcmp(after.c_cc, before.c_cc, sizeof after.c_cc) == 0;
    }

  private:
    int run_as_shell(int reports) noexcept {
        Report report{};
        ::tcgetattr(STDIN_FILENO, &report.before);
        ::signal(SIGTTOU, SIG_IGN); // it takes the terminal back from the program's group
        const pid_t program = ::fork();
        ::setpgid(program, program);
        ::tcsetpgrp(STDIN_FILENO, program == 0 ? ::getpid() : program);
        if (program == 0)
            ::_exit(run_as_program());
        do {
            ::waitpid(program, &report.status, WUNTRACED);
            ::tcgetattr(STDIN_FILENO, &report.modes);
            ::ioctl(STDIN_FILENO, FIONREAD, &report.unread);
            write_all(reports, std::string_view(reinterpret_cast<const char*>(&report), sizeof report),
                      "reports");
            ::kill(-program, SIGCONT);
        } while (WIFSTOPPED(report.status));
        ::pause(); // its end would hang the terminal up, which sets the modes anew
        return 0;
    }

    int run_as_program() noexcept {
        for (const int number : {SIGINT, SIGQUIT, SIGTSTP, SIGTTOU})
            ::signal(number, SIG_DFL); // who builds packages in the background has some of them ignored
        ::setenv("TERM", "xterm", 1);
        ::unsetenv("HOME"); // no ~/.editrc
        const auto lines = edited_lines("$ ");
        const auto say = [&](const std::string& text) {
            std::printf("%s\n", text.c_str());
            std::fflush(stdout);
            pollfd waited{let_.fd(), POLLIN, 0};
            while (::poll(&waited, 1, -1) != 1)
                ;
            let_.silence();
        };
        while (const auto line = lines->next(notice_.fd(), [&] {
            notice_.silence();
            say("-- notice");
            return true;
        }))
            say("<" + *line + ">");
        return 0;
    }

    Bell notice_, let_;
    UniqueFd reports_, primary_;
    Report last_{};
    pid_t shell_ = -1;
    std::string screen_;
};

} // namespace

TEST_CASE("lines that are piped in come one by one, the last without its end too") {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    const UniqueFd reader(ends[0]);
    UniqueFd writer(ends[1]);
    const Bell bell;
    const auto lines = plain_lines(reader.get());
    write_all(writer.get(), "one\n\ntwo", "a pipe");
    const auto next = [&] { return lines->next(bell.fd(), [] { return true; }); };
    CHECK(next() == "one");
    CHECK(next() == "");
    writer.reset();
    CHECK(next() == "two");
    CHECK_FALSE(next());
}

TEST_CASE("while a line is waited for, the bell is heard, and can end it") {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    const UniqueFd reader(ends[0]), writer(ends[1]);
    const Bell bell;
    int heard = 0;
    const auto lines = plain_lines(reader.get());
    std::thread ringer([&] { bell.ring(); });
    const auto line = lines->next(bell.fd(), [&] {
        bell.silence();
        if (++heard == 1) {
            bell.ring();
            return true;
        }
        return false;
    });
    ringer.join();
    CHECK_FALSE(line);
    CHECK(heard == 2);
}

TEST_CASE("keys that are typed while no line is waited for are those of the next lines") {
    AtTerminal terminal;
    REQUIRE(terminal.shows("$ "));
    terminal.type("one\r");
    REQUIRE(terminal.shows("<one>\r\n"));
    terminal.type("two\rthree");
    terminal.let();
    REQUIRE(terminal.shows("<two>"));
    terminal.type("\x01\x04\x05!\r"); // Ctrl-A, Ctrl-D: the first character goes; Ctrl-E
    terminal.let();
    REQUIRE(terminal.shows("<hree!>"));
    terminal.type("\x04ls\r");
    terminal.let();
    CHECK(terminal.status() == 0);
    CHECK(terminal.unread() == 3); // the shell's
    CHECK(terminal.is_as_it_was());
}

TEST_CASE("keys that are typed while a notice is shown are those of the line") {
    AtTerminal terminal;
    REQUIRE(terminal.shows("$ "));
    terminal.type("on");
    REQUIRE(terminal.shows("on"));
    terminal.notice();
    REQUIRE(terminal.shows("-- notice\r\n"));
    terminal.type("e\r\x04");
    terminal.let();
    REQUIRE(terminal.shows("<one>"));
    terminal.let();
    CHECK(terminal.status() == 0);
}

TEST_CASE("Ctrl-C clears the line that is typed, and says once how to leave") {
    AtTerminal terminal;
    REQUIRE(terminal.shows("$ "));
    terminal.type("some words\x03");
    REQUIRE(terminal.shows("Ctrl-D leaves"));
    REQUIRE(terminal.shows("$ "));
    terminal.type("gr\xc3\xbcn\x03"); // the terminal's character set need not have it
    REQUIRE(terminal.shows("^C"));
    REQUIRE(terminal.shows("$ "));
    terminal.type("one\r");
    REQUIRE(terminal.shows("<one>"));
    terminal.let();
    REQUIRE(terminal.shows("$ "));
    terminal.type("\x04");
    CHECK(terminal.status() == 0);
}

TEST_CASE("the terminal is as it was once a signal has ended what reads lines, whenever it comes") {
    AtTerminal terminal;
    REQUIRE(terminal.shows("$ "));
    SECTION("while a line is typed") {
        terminal.type("on\x1c");
    }
    SECTION("between two lines") {
        terminal.type("one\r");
        REQUIRE(terminal.shows("<one>"));
        terminal.type("\x1c");
    }
    const int status = terminal.status();
    CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGQUIT));
    CHECK(terminal.is_as_it_was());
}

TEST_CASE("the terminal is as it was while what reads lines is stopped") {
    AtTerminal terminal;
    REQUIRE(terminal.shows("$ "));
    SECTION("while a line is typed") {
        terminal.type("on");
        REQUIRE(terminal.shows("on")); // Ctrl-Z discards what is not read yet
        terminal.type("\x1a");
        CHECK(WIFSTOPPED(terminal.status()));
        CHECK(terminal.is_as_it_was());
        terminal.type("e\r");
        REQUIRE(terminal.shows("<one>"));
    }
    SECTION("between two lines") {
        terminal.type("one\r");
        REQUIRE(terminal.shows("<one>"));
        terminal.type("\x1a");
        CHECK(WIFSTOPPED(terminal.status()));
        CHECK(terminal.is_as_it_was());
    }
    terminal.let();
    REQUIRE(terminal.shows("$ "));
    terminal.type("\x04");
    CHECK(terminal.status() == 0);
    CHECK(terminal.is_as_it_was());
}
