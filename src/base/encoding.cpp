#include "sandbox/base/encoding.hpp"

#include <cstdint>

namespace sandbox {
namespace {

/// Bytes that follow the first one of a character; none: it begins no character.
std::optional<std::size_t> followers_of(unsigned char first) {
    if (first < 0x80)
        return 0;
    if (first >= 0xc2 && first <= 0xdf)
        return 1;
    if (first >= 0xe0 && first <= 0xef)
        return 2;
    return first >= 0xf0 && first <= 0xf4 ? std::optional<std::size_t>(3) : std::nullopt;
}

bool is_control(std::string_view character) {
    const auto first = static_cast<unsigned char>(character[0]);
    if (character.size() == 2 && first == 0xc2)
        return static_cast<unsigned char>(character[1]) < 0xa0; // U+0080 to U+009F
    return character.size() == 1 && (first < 0x20 || first == 0x7f);
}

int digit_of(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

} // namespace

std::size_t utf8_length(std::string_view text) {
    if (text.empty())
        return 0;
    const auto first = static_cast<unsigned char>(text[0]);
    const auto more = followers_of(first);
    if (!more || text.size() <= *more)
        return 0;
    std::uint32_t point = *more == 0 ? first : first & (0x3fU >> *more);
    for (std::size_t i = 1; i <= *more; ++i) {
        const auto next = static_cast<unsigned char>(text[i]);
        if ((next & 0xc0U) != 0x80)
            return 0;
        point = point << 6 | (next & 0x3fU);
    }
    const bool overlong = (*more == 2 && point < 0x800) || (*more == 3 && point < 0x10000);
    const bool surrogate = point >= 0xd800 && point <= 0xdfff;
    return overlong || surrogate || point > 0x10ffff ? 0 : *more + 1;
}

bool is_utf8(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t length = utf8_length(bytes);
        if (length == 0)
            return false;
        bytes.remove_prefix(length);
    }
    return true;
}

std::string escape_controls(std::string_view text, std::string_view kept) {
    static constexpr std::string_view kHex = "0123456789abcdef";
    std::string safe;
    safe.reserve(text.size());
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        const std::string_view character = text.substr(0, length == 0 ? 1 : length);
        if (length == 0 || (is_control(character) && kept.find(character) == std::string_view::npos)) {
            for (const char c : character) {
                const auto byte = static_cast<unsigned char>(c);
                safe.append({'\\', 'x', kHex[byte >> 4U], kHex[byte & 0xfU]});
            }
        } else {
            safe += character;
        }
        text.remove_prefix(character.size());
    }
    return safe;
}

std::string percent_encode(std::string_view bytes, std::string_view kept) {
    static constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string text;
    text.reserve(bytes.size());
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (is_unreserved(c) || kept.find(c) != std::string_view::npos)
            text += c;
        else
            text.append({'%', kHex[byte >> 4U], kHex[byte & 0xfU]});
    }
    return text;
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string bytes;
    bytes.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            bytes += text[i];
            continue;
        }
        const int high = i + 1 < text.size() ? digit_of(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? digit_of(text[i + 2]) : -1;
        if (high < 0 || low < 0)
            return std::nullopt;
        bytes += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return bytes;
}

} // namespace sandbox
