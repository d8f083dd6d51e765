#include "standin/base/settings.hpp"

#include <cmath>
#include <cstdlib>
#include <stdexcept>

namespace standin {
namespace {

// A number and what follows it.
std::optional<std::pair<double, std::string>> number_and_unit(std::string_view text) {
    const std::string copy(text);
    char* end = nullptr;
    const double number = std::strtod(copy.c_str(), &end);
    if (end == copy.c_str() || !std::isfinite(number) || number < 0)
        return std::nullopt;
    return std::pair(number, std::string(end));
}

[[noreturn]] void refuse(const char* name, const char* value) {
    throw std::invalid_argument(std::string(name) + "=" + value + " is not understood by the stand-in");
}

} // namespace

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
    const auto parts = number_and_unit(text);
    if (!parts)
        return std::nullopt;
    std::string unit = parts->second;
    if (unit.ends_with("iB"))
        unit.resize(unit.size() - 2);
    const std::string_view units = "KMGT";
    double factor = 1;
    if (!unit.empty()) {
        const std::size_t power = unit.size() == 1 ? units.find(unit.front()) : std::string_view::npos;
        if (power == std::string_view::npos)
            return std::nullopt;
        factor = std::pow(1024.0, static_cast<double>(power + 1));
    }
    const double bytes = parts->first * factor;
    if (bytes > 9e18)
        return std::nullopt;
    return static_cast<std::uint64_t>(bytes);
}

std::optional<std::chrono::milliseconds> parse_time(std::string_view text) {
    const auto parts = number_and_unit(text);
    if (!parts)
        return std::nullopt;
    const std::string& unit = parts->second;
    const double factor = unit.empty() || unit == "s" ? 1000 : unit == "ms" ? 1 : unit == "m" ? 60000 : -1;
    if (factor < 0 || parts->first * factor > 1e12)
        return std::nullopt;
    return std::chrono::milliseconds(std::llround(parts->first * factor));
}

Settings settings_from_environment() {
    Settings settings;
    constexpr const char* kDelay = "CHIMERAX_STANDIN_START_DELAY";
    constexpr const char* kResident = "CHIMERAX_STANDIN_RESIDENT";
    constexpr const char* kFail = "CHIMERAX_STANDIN_FAIL";
    if (const char* value = std::getenv(kDelay)) {
        const auto time = parse_time(value);
        if (!time)
            refuse(kDelay, value);
        settings.start_delay = *time;
    }
    if (const char* value = std::getenv(kResident)) {
        const auto bytes = parse_bytes(value);
        if (!bytes)
            refuse(kResident, value);
        settings.resident = *bytes;
    }
    if (const char* value = std::getenv(kFail)) {
        const std::string_view kind = value;
        settings.fail = kind == "bind"       ? FailStart::bind
                        : kind == "crash"    ? FailStart::crash
                        : kind == "noport"   ? FailStart::noport
                        : kind == "norender" ? FailStart::norender
                                             : FailStart::none;
        if (settings.fail == FailStart::none && !kind.empty())
            refuse(kFail, value);
    }
    return settings;
}

} // namespace standin
