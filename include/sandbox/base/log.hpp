#pragma once

#include <string>
#include <string_view>

namespace sandbox::log {

enum class Level { debug, info, warning, error };

/// What a line is about, where it is about a session or a tenant: the journal's fields SESSION and TENANT.
struct Subject {
    std::string_view session{}, tenant{}; ///< empty: none, or not known here
};

/// Sets the log up: to the journal where systemd connected stderr to it (JOURNAL_STREAM), else to stderr.
/// `program` stands in each line. Call it once, first thing in main.
///
/// Each text is one line, whatever it quotes (escape_controls), and is cut after 16 KiB. All of these leave
/// errno as it is, and throw nothing but what an allocation throws.
void start(std::string_view program, Level level = Level::info);

void debug(const std::string& text);
void info(const std::string& text);
void warning(const std::string& text);
void error(const std::string& text);

/// As in `log::info({session, tenant}, "it runs")`.
void debug(const Subject& about, const std::string& text);
void info(const Subject& about, const std::string& text);
void warning(const Subject& about, const std::string& text);
void error(const Subject& about, const std::string& text);

/// Each line of a text of this program's own making, as Error::full is, by itself.
void error_lines(const std::string& text);

/// Why the program ends, by itself: in the journal as `error_lines`, on stderr as programs say it there.
void fatal(const std::string& text);

} // namespace sandbox::log
