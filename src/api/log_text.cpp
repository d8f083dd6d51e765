#include "sandbox/api/log_text.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace sandbox::api {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

void escape(std::string& out, unsigned char byte) {
    out += "\\x";
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
}

/// A byte of a UTF-8 sequence that is not its first.
bool continues(char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

/// The length of the UTF-8 sequence that starts here, 0 where there is none (RFC 3629, section 4).
std::size_t sequence_length(std::string_view text) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = at(0);
    std::size_t length = 0;
    std::uint32_t least = 0, point = 0;
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        length = 2, least = 0x80, point = first & 0x1fU;
    else if (first >= 0xe0 && first <= 0xef)
        length = 3, least = 0x800, point = first & 0x0fU;
    else if (first >= 0xf0 && first <= 0xf4)
        length = 4, least = 0x10000, point = first & 0x07U;
    if (length == 0 || text.size() < length)
        return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if (!continues(text[i]))
            return 0;
        point = (point << 6) | (at(i) & 0x3fU);
    }
    const bool surrogate = point >= 0xd800 && point <= 0xdfff;
    return point < least || point > 0x10ffff || surrogate ? 0 : length;
}

bool is_control(std::string_view sequence) {
    const auto first = static_cast<unsigned char>(sequence[0]);
    if (sequence.size() == 2 && first == 0xc2)
        return static_cast<unsigned char>(sequence[1]) < 0xa0; // U+0080 to U+009F
    return sequence.size() == 1 && (first < 0x20 || first == 0x7f) && first != '\n' && first != '\t';
}

/// The bytes at the end that the next ones may make a character of; 0: none.
std::size_t unfinished_length(std::string_view text) {
    for (std::size_t length = 1; length <= std::min<std::size_t>(text.size(), 3); ++length) {
        const auto byte = static_cast<unsigned char>(text[text.size() - length]);
        if (continues(text[text.size() - length]))
            continue;
        const std::size_t whole = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
        return byte <= 0xf4 && whole > length ? length : 0;
    }
    return 0;
}

} // namespace

std::string LogText::add(std::string_view piece) {
    if (is_cut_ && !piece.empty()) {
        is_cut_ = false;
        for (int i = 0; i < 3 && !piece.empty() && continues(piece.front()); ++i)
            piece.remove_prefix(1);
    }
    std::string text = std::exchange(unfinished_, {});
    text += piece;
    unfinished_ = text.substr(text.size() - unfinished_length(text));
    text.resize(text.size() - unfinished_.size());
    return escape_log(text);
}

std::string LogText::finish() {
    return escape_log(std::exchange(unfinished_, {}));
}

std::string escape_log(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const std::size_t length = sequence_length(text);
        const std::string_view sequence = text.substr(0, length == 0 ? 1 : length);
        if (length == 0 || is_control(sequence)) {
            for (const char c : sequence)
                escape(out, static_cast<unsigned char>(c));
        } else {
            out += sequence;
        }
        text.remove_prefix(sequence.size());
    }
    return out;
}

} // namespace sandbox::api
