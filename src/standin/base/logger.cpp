#include "standin/base/logger.hpp"

#include <cstdio>
#include <utility>

namespace standin {

void print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

void Logger::log(Level level, std::string_view text) {
    constexpr std::array<std::string_view, 4> kNames{"INFO", "WARNING", "ERROR", "BUG"};
    const std::string line = std::string(text) + "\n";
    if (capture_ != nullptr) {
        capture_->by_level[static_cast<std::size_t>(level)].push_back(line);
        capture_->plain += line;
    } else if (!silent_ || level != Level::note) {
        print(std::string(kNames[static_cast<std::size_t>(level)]) + ":\n" + line);
    }
}

void Logger::status(std::string_view text) const {
    if (!silent_)
        print("STATUS:\n" + std::string(text) + "\n");
}

LogMessages Logger::end_capture() {
    capture_ = nullptr;
    return std::exchange(messages_, {});
}

} // namespace standin
