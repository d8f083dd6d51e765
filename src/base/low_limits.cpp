#include "sandbox/base/low_limits.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/log.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <sstream>

namespace sandbox {
namespace {

struct Need {
    std::string_view title; ///< in /proc/PID/limits
    const char* setting;    ///< of a unit (systemd.exec(5))
    char option;            ///< of the shell's ulimit
    std::uint64_t least;    ///< 0: no limit at all
};

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30U;

constexpr std::array kNeeds{
    Need{"Max cpu time", "LimitCPU", 't', 0},
    Need{"Max file size", "LimitFSIZE", 'f', 16 * kGiB},
    Need{"Max data size", "LimitDATA", 'd', 4 * kGiB},
    Need{"Max stack size", "LimitSTACK", 's', 1U << 20U},
    Need{"Max address space", "LimitAS", 'v', 4 * kGiB},
    Need{"Max processes", "LimitNPROC", 'u', 64},
    Need{"Max open files", "LimitNOFILE", 'n', 1024},
};

/// The hard limit; none where it is "unlimited".
std::optional<std::uint64_t> hard_of(const std::string& line, std::size_t title) {
    std::istringstream words(line.substr(title));
    std::string soft, hard;
    words >> soft >> hard;
    std::uint64_t number = 0;
    const char* end = hard.data() + hard.size();
    const auto [rest, error] = std::from_chars(hard.data(), end, number);
    return error == std::errc{} && rest == end ? std::optional(number) : std::nullopt;
}

} // namespace

std::vector<LowLimit> low_limits(const std::string& pid, const std::string& proc) {
    std::string text;
    try {
        text = read_file(proc + "/" + pid + "/limits");
    } catch (const Error&) {
        return {};
    }
    std::vector<LowLimit> low;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        for (const Need& need : kNeeds) {
            if (!line.starts_with(need.title))
                continue;
            const std::optional<std::uint64_t> hard = hard_of(line, need.title.size());
            if (hard && (need.least == 0 || *hard < need.least))
                low.push_back(
                    {"the hard limit \"" + std::string(need.title) + "\" is " + std::to_string(*hard),
                     std::string("Start it with ") + need.setting + "=" +
                         (need.least == 1024 ? "524288" : "infinity") + " in its unit, or after ulimit -H" +
                         need.option + (need.least == 1024 ? " 524288." : " unlimited.")});
        }
    return low;
}

void warn_of_low_limits() {
    for (const LowLimit& limit : low_limits())
        log::warning(limit.what + ", which is too low for the work. " + limit.cure);
}

} // namespace sandbox
