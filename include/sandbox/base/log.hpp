#pragma once

#include <string>
#include <string_view>

namespace sandbox::log {

enum class Level { debug, info, warning, error };

/// Sets the log up: to the journal where systemd connected stderr to it (JOURNAL_STREAM), else to stderr.
/// `program` stands in each line. Call it once, first thing in main.
void start(std::string_view program, Level level = Level::info);

void debug(const std::string& text);
void info(const std::string& text);
void warning(const std::string& text);
void error(const std::string& text);

} // namespace sandbox::log
