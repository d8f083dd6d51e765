#include "sandbox/base/log.hpp"

#include "sandbox/base/journal.hpp"

#include <memory>
#include <string>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/systemd_sink.h>
#include <spdlog/spdlog.h>

namespace sandbox::log {
namespace {

spdlog::level::level_enum spdlog_level(Level level) {
    switch (level) {
    case Level::debug:
        return spdlog::level::debug;
    case Level::info:
        return spdlog::level::info;
    case Level::warning:
        return spdlog::level::warn;
    case Level::error:
        return spdlog::level::err;
    }
    return spdlog::level::info;
}

} // namespace

void start(std::string_view program, Level level) {
    const std::string name(program);
    std::shared_ptr<spdlog::logger> logger;
    if (stderr_is_journal()) {
        logger =
            std::make_shared<spdlog::logger>(name, std::make_shared<spdlog::sinks::systemd_sink_st>(name));
    } else {
        logger = std::make_shared<spdlog::logger>(name, std::make_shared<spdlog::sinks::stderr_sink_mt>());
        logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %n %l: %v", spdlog::pattern_time_type::utc);
    }
    logger->set_level(spdlog_level(level));
    logger->flush_on(spdlog::level::debug);
    spdlog::set_default_logger(std::move(logger));
}

void debug(const std::string& text) {
    spdlog::debug("{}", text);
}
void info(const std::string& text) {
    spdlog::info("{}", text);
}
void warning(const std::string& text) {
    spdlog::warn("{}", text);
}
void error(const std::string& text) {
    spdlog::error("{}", text);
}

} // namespace sandbox::log
