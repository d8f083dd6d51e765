// The fields of a line would be those of this file (sd_journal_print(3)).
#define SD_JOURNAL_SUPPRESS_LOCATION

#include "sandbox/base/log.hpp"

#include "sandbox/base/duration.hpp"
#include "sandbox/base/encoding.hpp"
#include "sandbox/base/journal.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <vector>

#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

namespace sandbox::log {
namespace {

constexpr std::size_t kLongest = std::size_t{16} << 10U;

struct Log {
    std::string program = program_invocation_short_name;
    Level least = Level::info;
    bool is_journal = false;
};

Log& this_log() {
    static Log log;
    return log;
}

struct LevelRow {
    const char* name;
    int priority; ///< syslog(3)
};

/// In the order of the enum.
constexpr std::array kLevels{LevelRow{"debug", LOG_DEBUG}, LevelRow{"info", LOG_INFO},
                             LevelRow{"warning", LOG_WARNING}, LevelRow{"error", LOG_ERR}};

const LevelRow& row_of(Level level) {
    return kLevels.at(static_cast<std::size_t>(level));
}

std::string one_line(std::string_view text) {
    std::string line = escape_controls(text.substr(0, kLongest));
    return text.size() > kLongest ? line + "…" : line;
}

/// In one call: lines of other threads and programs do not come between. Where it fails nobody can be told.
void to_stderr(const std::string& text) {
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

/// The journal's own protocol counts the bytes of a value, and adds SYSLOG_IDENTIFIER only where none is.
bool to_journal(const Log& log, Level level, const Subject& about, const std::string& line) {
    std::vector<std::string> fields{"MESSAGE=" + line, "PRIORITY=" + std::to_string(row_of(level).priority),
                                    "SYSLOG_IDENTIFIER=" + log.program};
    if (!about.session.empty())
        fields.push_back("SESSION=" + one_line(about.session));
    if (!about.tenant.empty())
        fields.push_back("TENANT=" + one_line(about.tenant));
    std::vector<iovec> parts;
    for (std::string& field : fields)
        parts.push_back({field.data(), field.size()});
    return ::sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) >= 0;
}

void put(Level level, const Subject& about, std::string_view text) {
    const Log& log = this_log();
    if (level < log.least)
        return;
    const int before = errno;
    const std::string line = one_line(text);
    if (!log.is_journal || !to_journal(log, level, about, line))
        to_stderr(format_time(std::chrono::system_clock::now()) + " " + log.program + " " +
                  row_of(level).name + ": " + line + "\n");
    errno = before;
}

} // namespace

void start(std::string_view program, Level level) {
    this_log() = {std::string(program), level, stderr_is_journal()};
}

void debug(const std::string& text) {
    put(Level::debug, {}, text);
}
void info(const std::string& text) {
    put(Level::info, {}, text);
}
void warning(const std::string& text) {
    put(Level::warning, {}, text);
}
void error(const std::string& text) {
    put(Level::error, {}, text);
}

void debug(const Subject& about, const std::string& text) {
    put(Level::debug, about, text);
}
void info(const Subject& about, const std::string& text) {
    put(Level::info, about, text);
}
void warning(const Subject& about, const std::string& text) {
    put(Level::warning, about, text);
}
void error(const Subject& about, const std::string& text) {
    put(Level::error, about, text);
}

void error_lines(const std::string& text) {
    for (std::size_t start = 0; start <= text.size();) {
        const std::size_t end = std::min(text.find('\n', start), text.size());
        error(text.substr(start, end - start));
        start = end + 1;
    }
}

void fatal(const std::string& text) {
    if (this_log().is_journal)
        error_lines(text);
    else
        to_stderr(this_log().program + ": " + escape_controls(text, "\n") + "\n");
}

} // namespace sandbox::log
