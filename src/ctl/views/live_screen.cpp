#include "ctl/views/live_screen.hpp"

#include "sandbox/base/unique_fd.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <ostream>
#include <sstream>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

namespace sandbox::ctl {
namespace {

// xterm's own control sequences: another screen, no cursor, and back.
constexpr const char* kEnter = "\033[?1049h\033[?25l";
constexpr const char* kLeave = "\033[?25h\033[?1049l";

winsize size_of_terminal() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
        size = {.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
    return size;
}

} // namespace

struct LiveScreen::Saved {
    termios modes{};
    bool keys = false; ///< standard input is a terminal of ours
    sigset_t mask{};
    UniqueFd signals;
};

LiveScreen::LiveScreen(Terminal& terminal) : terminal_(terminal), saved_(std::make_unique<Saved>()) {
    sigset_t watched;
    ::sigemptyset(&watched);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGWINCH})
        ::sigaddset(&watched, signal);
    ::sigprocmask(SIG_BLOCK, &watched, &saved_->mask);
    saved_->signals = UniqueFd(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
    // In the background tcsetattr would stop it.
    saved_->keys = ::tcgetattr(STDIN_FILENO, &saved_->modes) == 0 && ::tcgetpgrp(STDIN_FILENO) == ::getpgrp();
    if (saved_->keys) {
        termios modes = saved_->modes;
        modes.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
        ::tcsetattr(STDIN_FILENO, TCSADRAIN, &modes);
    }
    terminal_.out << kEnter << std::flush;
}

LiveScreen::~LiveScreen() {
    terminal_.out << kLeave << std::flush;
    if (saved_->keys)
        ::tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_->modes);
    ::sigprocmask(SIG_SETMASK, &saved_->mask, nullptr);
}

std::size_t LiveScreen::width() const {
    return size_of_terminal().ws_col;
}

std::size_t LiveScreen::height() const {
    return size_of_terminal().ws_row;
}

void LiveScreen::show(const std::string& text) {
    std::istringstream lines(text);
    std::string all = "\033[H";
    std::size_t row = 0;
    for (std::string line; row < height() && std::getline(lines, line); ++row)
        all += (row == 0 ? "" : "\r\n") + line + "\033[K";
    terminal_.out << all << "\033[J" << std::flush;
}

LiveScreen::Event LiveScreen::wait(Duration timeout) {
    std::array<pollfd, 2> ready{pollfd{saved_->signals.get(), POLLIN, 0},
                                pollfd{saved_->keys ? STDIN_FILENO : -1, POLLIN, 0}};
    if (::poll(ready.data(), ready.size(), static_cast<int>(timeout.count())) <= 0)
        return {};
    signalfd_siginfo info{};
    if (::read(saved_->signals.get(), &info, sizeof info) == sizeof info) {
        const int signal = static_cast<int>(info.ssi_signo);
        return signal == SIGWINCH ? Event{Event::Kind::resized, 0, 0} : Event{Event::Kind::stop, 0, signal};
    }
    char key = 0;
    if (ready[1].revents != 0 && ::read(STDIN_FILENO, &key, 1) != 1)
        return {Event::Kind::stop, 0, 0};
    return {Event::Kind::key, key, 0};
}

int run_live(Terminal& terminal, Duration interval,
             const std::function<std::string(const LiveScreen&, bool due)>& frame,
             const std::function<void(char)>& on_key) {
    LiveScreen screen(terminal);
    auto next = BootClock::now();
    for (;;) {
        const bool due = BootClock::now() >= next;
        if (due)
            next = BootClock::now() + interval;
        screen.show(frame(screen, due));
        const auto left = std::chrono::duration_cast<Duration>(next - BootClock::now());
        const LiveScreen::Event event = screen.wait(std::max(left, Duration(1)));
        if (event.kind == LiveScreen::Event::Kind::stop)
            return event.signal == 0 ? 0 : 128 + event.signal;
        if (event.kind == LiveScreen::Event::Kind::key && event.key == 'q')
            return 0;
        if (event.kind == LiveScreen::Event::Kind::key)
            on_key(event.key);
    }
}

} // namespace sandbox::ctl
