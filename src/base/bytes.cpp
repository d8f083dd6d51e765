#include "sandbox/base/bytes.hpp"

#include "sandbox/base/error.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace sandbox {
namespace {

constexpr std::array<std::pair<char, unsigned>, 4> kUnits{{{'K', 10}, {'M', 20}, {'G', 30}, {'T', 40}}};

Error bad_size(std::string_view text) {
    return {Errc::invalid_argument, "\"" + std::string(text) + "\" is not a size",
            "write a whole number of bytes, or a number with K, M, G or T, as \"512M\" or \"4G\""};
}

} // namespace

Bytes Bytes::parse(std::string_view text) {
    std::string_view number = text;
    for (const std::string_view suffix : {"iB", "B"})
        if (number.size() > suffix.size() && number.ends_with(suffix)) {
            number.remove_suffix(suffix.size());
            break;
        }
    unsigned shift = 0;
    if (!number.empty())
        for (const auto& [letter, bits] : kUnits)
            if (number.back() == letter || number.back() == letter + ('a' - 'A')) {
                shift = bits;
                number.remove_suffix(1);
                break;
            }
    // "4i", "4iB" and "B" alone: a suffix of a unit needs the unit.
    if (number.empty() || (text.ends_with("iB") && shift == 0))
        throw bad_size(text);

    const char* end = number.data() + number.size();
    std::uint64_t whole = 0;
    if (const auto [rest, ec] = std::from_chars(number.data(), end, whole);
        ec == std::errc{} && rest == end) {
        if (whole > (static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) >> shift))
            throw bad_size(text);
        return {whole << shift};
    }
    double fraction = 0;
    const auto [rest, ec] = std::from_chars(number.data(), end, fraction, std::chars_format::fixed);
    if (ec != std::errc{} || rest != end || shift == 0 || !(fraction >= 0))
        throw bad_size(text);
    const double bytes = std::ldexp(fraction, static_cast<int>(shift));
    if (bytes >= std::ldexp(1.0, 63))
        throw bad_size(text);
    return {static_cast<std::uint64_t>(bytes)};
}

std::string Bytes::text() const {
    for (auto unit = kUnits.rbegin(); unit != kUnits.rend(); ++unit) {
        const std::uint64_t mask = (std::uint64_t{1} << unit->second) - 1;
        if (value != 0 && (value & mask) == 0)
            return std::to_string(value >> unit->second) + unit->first;
    }
    return std::to_string(value);
}

} // namespace sandbox
