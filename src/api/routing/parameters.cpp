#include "api/routing/parameters.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace sandbox::api {
namespace {

[[noreturn]] void refuse(std::string_view name, const std::string& what, const std::string& cure) {
    throw Error(Errc::invalid_argument, what, cure, std::string(name));
}

/// d in the pattern is a digit, anything else itself.
bool begins_like(std::string_view text, std::string_view pattern) {
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (i == text.size() || (pattern[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != pattern[i]))
            return false;
    }
    return true;
}

} // namespace

std::string time_parameter(const Request& request, std::string_view name) {
    const auto text = request.parameter(name);
    if (!text)
        return {};
    constexpr std::string_view kPattern = "dddd-dd-ddTdd:dd:dd";
    bool good = text->size() > kPattern.size() && text->back() == 'Z' && begins_like(*text, kPattern);
    std::string fraction = good ? text->substr(kPattern.size(), text->size() - kPattern.size() - 1) : "";
    if (fraction.empty())
        fraction = ".";
    good = good && fraction[0] == '.' && fraction.find_first_not_of("0123456789", 1) == std::string::npos;
    if (!good)
        refuse(name, "the value is not a time in UTC", "Send it as 2026-01-31T12:00:00Z.");
    fraction.resize(4, '0'); // milliseconds, as the trail has them
    return text->substr(0, kPattern.size()) + fraction + "Z";
}

std::string day_parameter(const Request& request, std::string_view name) {
    std::string text = request.parameter(name).value_or("");
    if (text.empty() && !request.parameter(name))
        return text;
    constexpr std::string_view kPattern = "dddd-dd-dd";
    namespace chrono = std::chrono;
    if (text.size() != kPattern.size() || !begins_like(text, kPattern) ||
        !chrono::year_month_day(chrono::year(std::stoi(text.substr(0, 4))),
                                chrono::month(static_cast<unsigned>(std::stoi(text.substr(5, 2)))),
                                chrono::day(static_cast<unsigned>(std::stoi(text.substr(8)))))
             .ok())
        refuse(name, "the value is not a day", "Send it as 2026-01-31.");
    return text;
}

bool flag_parameter(const Request& request, std::string_view name) {
    const std::string text = request.parameter(name).value_or("0");
    if (text != "0" && text != "1" && text != "true" && text != "false")
        refuse(name, "the value is neither 0 nor 1", "Send 1, or leave it out.");
    return text == "1" || text == "true";
}

std::optional<Duration> seconds_parameter(const Request& request, std::string_view name, Duration most) {
    const auto text = request.parameter(name);
    if (!text)
        return std::nullopt;
    double seconds = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
    const double limit = std::chrono::duration<double>(most).count();
    if (error != std::errc() || end != text->data() + text->size() || !(seconds >= 0 && seconds <= limit)) {
        refuse(name, "the value is not a number of seconds",
               "Send a number from 0 to " + std::to_string(static_cast<long>(limit)) + ".");
    }
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

std::optional<std::uint64_t> count_parameter(const Request& request, std::string_view name,
                                             std::uint64_t most) {
    const auto text = request.parameter(name);
    if (!text)
        return std::nullopt;
    std::uint64_t count = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), count);
    if (error != std::errc() || end != text->data() + text->size() || count > most) {
        refuse(name, "the value is not a whole number",
               "Send a number from 0 to " + std::to_string(most) + ".");
    }
    return count;
}

std::vector<manager::State> states_parameter(const Request& request, std::string_view name) {
    std::vector<manager::State> states;
    const std::string text = request.parameter(name).value_or("");
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t comma = rest.find(',');
        const auto state = manager::state_from_text(rest.substr(0, comma));
        if (!state)
            refuse(name, "there is no such state", "The states are " + manager::all_states_text() + ".");
        states.push_back(*state);
        rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    }
    return states;
}

} // namespace sandbox::api
