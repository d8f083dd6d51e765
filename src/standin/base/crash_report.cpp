#include "standin/base/crash_report.hpp"

#include <array>
#include <csignal>
#include <cstring>

#include <unistd.h>

namespace standin {
namespace {

// Only what signal-safety(7) allows.
void write_text(const char* text) {
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text, std::strlen(text));
}

const char* name_of(int signal) {
    switch (signal) {
    case SIGSEGV:
        return "Segmentation fault";
    case SIGABRT:
        return "Aborted";
    case SIGBUS:
        return "Bus error";
    case SIGILL:
        return "Illegal instruction";
    case SIGFPE:
        return "Floating-point exception";
    default:
        return "Fatal signal";
    }
}

void report(int signal) {
    write_text("Fatal Python error: ");
    write_text(name_of(signal));
    write_text("\n\nCurrent thread 0x00007f81d7220740 (most recent call first):\n  <no Python frame>\n");
    ::raise(signal); // SA_RESETHAND: now it kills
}

} // namespace

void report_crashes() {
    struct sigaction action {};
    action.sa_handler = report;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
    for (const int signal : std::array{SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE})
        ::sigaction(signal, &action, nullptr);
}

} // namespace standin
