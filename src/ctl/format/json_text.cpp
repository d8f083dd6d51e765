#include "ctl/format/json_text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

const Json kNull = nullptr;

std::string short_number(double number) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.*f", number < 10 ? 2 : number < 100 ? 1 : 0, number);
    std::string digits = text.data();
    if (digits.find('.') != std::string::npos) {
        digits.erase(digits.find_last_not_of('0') + 1);
        if (digits.ends_with('.'))
            digits.pop_back();
    }
    return digits;
}

} // namespace

const Json& member(const Json& object, std::initializer_list<const char*> path) {
    const Json* at = &object;
    for (const char* name : path) {
        if (!at->is_object())
            return kNull;
        const auto found = at->find(name);
        if (found == at->end())
            return kNull;
        at = &*found;
    }
    return *at;
}

std::string word(const Json& object, std::initializer_list<const char*> path) {
    const Json& value = member(object, path);
    if (value.is_null())
        return "-";
    if (value.is_string())
        return value.get<std::string>().empty() ? "-" : value.get<std::string>();
    if (value.is_boolean())
        return value.get<bool>() ? "yes" : "no";
    if (value.is_number_float())
        return short_number(value.get<double>());
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string joined(const Json& list) {
    std::string text;
    if (list.is_array())
        for (const Json& item : list)
            text += (text.empty() ? "" : ", ") + word(Json{{"item", item}}, {"item"});
    return text.empty() ? "none" : text;
}

std::string bytes_word(const Json& object, std::initializer_list<const char*> path) {
    const Json& value = member(object, path);
    return value.is_number() ? short_bytes(value.get<double>()) : "-";
}

std::string short_bytes(double bytes) {
    constexpr std::array kUnits{"", "K", "M", "G", "T"};
    std::size_t unit = 0;
    // 999.5 would read 1000 otherwise.
    while (bytes >= 999.5 && unit + 1 < kUnits.size()) {
        bytes /= 1024;
        ++unit;
    }
    return short_number(bytes) + kUnits[unit];
}

std::string short_age(std::chrono::seconds age) {
    const long long seconds = age.count() < 0 ? 0 : age.count();
    if (seconds < 60)
        return std::to_string(seconds) + "s";
    if (seconds < 3600)
        return std::to_string(seconds / 60) + "m";
    if (seconds < 48LL * 3600)
        return std::to_string(seconds / 3600) + "h";
    return std::to_string(seconds / 86400) + "d";
}

std::optional<std::chrono::system_clock::time_point> parse_time(const std::string& text) {
    std::tm fields{};
    const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &fields);
    if (end == nullptr || (*end != 'Z' && *end != '.') || text.back() != 'Z')
        return std::nullopt;
    double fraction = 0;
    if (*end == '.')
        std::from_chars(end, text.data() + text.size(), fraction);
    return std::chrono::system_clock::from_time_t(::timegm(&fields)) +
           std::chrono::milliseconds(std::lround(fraction * 1000));
}

std::string age_word(const Json& object, std::initializer_list<const char*> path,
                     std::chrono::system_clock::time_point now) {
    const Json& value = member(object, path);
    const auto time = value.is_string() ? parse_time(value.get<std::string>()) : std::nullopt;
    return time ? short_age(std::chrono::duration_cast<std::chrono::seconds>(now - *time)) : "-";
}

} // namespace sandbox::ctl
