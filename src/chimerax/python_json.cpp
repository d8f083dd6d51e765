#include "chimerax/python_json.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>

namespace sandbox::chimerax {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF", kReplacement = "\xEF\xBF\xBD";
constexpr std::array<std::string_view, 3> kConstants{"-Infinity", "Infinity", "NaN"};
/// A double holds up to 309 digits, so what is shorter and has no exponent needs no look.
constexpr std::size_t kShortNumber = 300;

std::size_t constant_length(std::string_view rest) {
    for (const std::string_view constant : kConstants)
        if (rest.starts_with(constant))
            return constant.size();
    return 0;
}

bool is_of_number(char c) {
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

std::string_view number_at(std::string_view rest) {
    return rest.substr(0,
                       static_cast<std::size_t>(std::ranges::find_if_not(rest, is_of_number) - rest.begin()));
}

bool fits_double(std::string_view number) {
    if (number.size() < kShortNumber && number.find_first_of("eE") == std::string_view::npos)
        return true;
    return std::isfinite(std::strtod(std::string(number).c_str(), nullptr));
}

/// The four hexadecimal digits after `\u`; none where there are no four.
std::optional<unsigned> unit_at(std::string_view rest) {
    if (rest.size() < 6 || rest[0] != '\\' || rest[1] != 'u')
        return std::nullopt;
    unsigned unit = 0;
    for (const char c : rest.substr(2, 4)) {
        const char low = static_cast<char>(c | 0x20);
        if (c >= '0' && c <= '9')
            unit = unit * 16 + static_cast<unsigned>(c - '0');
        else if (low >= 'a' && low <= 'f')
            unit = unit * 16 + static_cast<unsigned>(low - 'a' + 10);
        else
            return std::nullopt;
    }
    return unit;
}

bool is_high(unsigned unit) {
    return unit >= 0xD800 && unit <= 0xDBFF;
}

bool is_low(unsigned unit) {
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/// The length of the character that starts here, 0 where there is none (RFC 3629, section 4).
std::size_t character_length(std::string_view rest) {
    const auto byte = [&](std::size_t i) {
        return i < rest.size() ? static_cast<unsigned char>(rest[i]) : 0U;
    };
    const auto follows = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80; };
    const unsigned first = byte(0), second = byte(1);
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return follows(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        const bool overlong = first == 0xE0 && second < 0xA0, surrogate = first == 0xED && second > 0x9F;
        return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const bool overlong = first == 0xF0 && second < 0x90, beyond = first == 0xF4 && second > 0x8F;
        return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
    }
    return 0;
}

class Translator {
  public:
    explicit Translator(std::string_view text) : rest_(text) { done_.text.reserve(text.size()); }

    StrictJson run() {
        if (rest_.starts_with(kByteOrderMark))
            rest_.remove_prefix(kByteOrderMark.size());
        while (!rest_.empty())
            step();
        return std::move(done_);
    }

  private:
    void take(std::size_t length) {
        done_.text += rest_.substr(0, length);
        rest_.remove_prefix(std::min(length, rest_.size()));
    }
    void replace(std::size_t length, std::string_view by) {
        done_.text += by;
        rest_.remove_prefix(length);
    }

    void step() {
        const char c = rest_.front();
        if (c == '"')
            return string();
        if (const std::size_t length = constant_length(rest_); length != 0)
            return replace(length, "null");
        if (c == '-' || (c >= '0' && c <= '9'))
            return number();
        if (c == '[' || c == '{')
            done_.depth = std::max(done_.depth, ++depth_);
        else if ((c == ']' || c == '}') && depth_ > 0)
            --depth_;
        take(1);
    }

    void number() {
        const std::string_view digits = number_at(rest_);
        if (fits_double(digits))
            return take(digits.size());
        replace(digits.size(), '"' + std::string(digits) + '"');
    }

    void string() {
        take(1);
        while (!rest_.empty() && rest_.front() != '"') {
            if (rest_.front() == '\\')
                escape();
            else if (const std::size_t length = character_length(rest_); length != 0)
                take(length);
            else
                replace(1, kReplacement);
        }
        take(1);
    }

    void escape() {
        const auto unit = unit_at(rest_);
        if (!unit)
            return take(2);
        const auto next = is_high(*unit) ? unit_at(rest_.substr(6)) : std::nullopt;
        if (next && is_low(*next))
            take(12);
        else if (is_high(*unit) || is_low(*unit))
            replace(6, kReplacement);
        else
            take(6);
    }

    std::string_view rest_;
    StrictJson done_;
    std::size_t depth_ = 0;
};

} // namespace

StrictJson to_strict_json(std::string_view text) {
    return Translator(text).run();
}

} // namespace sandbox::chimerax
