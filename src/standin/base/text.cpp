#include "standin/base/text.hpp"

#include <array>
#include <cctype>
#include <cstdint>
#include <cstdio>

namespace standin {
namespace {

struct CodePoint {
    std::uint32_t value;
    std::size_t length;
};

// One UTF-8 sequence (RFC 3629); U+FFFD of length 1 for what is none.
CodePoint decode(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80)
        return {lead, 1};
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    constexpr std::array<std::uint32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
    if (lead < 0xC2 || lead > 0xF4 || text.size() < length)
        return {0xFFFD, 1};
    std::uint32_t value = lead & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80)
            return {0xFFFD, 1};
        value = (value << 6) | (byte(i) & 0x3FU);
    }
    if (value < kSmallest[length] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
        return {0xFFFD, 1};
    return {value, length};
}

std::string escape16(std::uint32_t unit) {
    std::array<char, 8> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "\\u%04x", unit);
    return buffer.data();
}

std::string escape(std::uint32_t value) {
    switch (value) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    case '\b':
        return "\\b";
    case '\f':
        return "\\f";
    default:
        break;
    }
    if (value >= 0x20 && value < 0x7F + 1)
        return std::string(1, static_cast<char>(value));
    if (value < 0x10000)
        return escape16(value);
    value -= 0x10000;
    return escape16(0xD800 + (value >> 10)) + escape16(0xDC00 + (value & 0x3FF));
}

} // namespace

std::string quote(std::string_view text) {
    std::string result = "\"";
    while (!text.empty()) {
        const CodePoint point = decode(text);
        result += escape(point.value);
        text.remove_prefix(point.length);
    }
    return result + '"';
}

std::string quote_all(const std::vector<std::string>& texts) {
    std::vector<std::string> quoted;
    for (const std::string& text : texts)
        quoted.push_back(quote(text));
    return "[" + join(quoted, ", ") + "]";
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
    std::string result;
    for (const std::string& part : parts) {
        if (&part != &parts.front())
            result += separator;
        result += part;
    }
    return result;
}

JsonObject& JsonObject::raw(std::string_view name, std::string_view json) {
    if (!members_.empty())
        members_ += ", ";
    members_ += quote(name) + ": ";
    members_ += json;
    return *this;
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\n\f\v";
    const std::size_t first = text.find_first_not_of(kSpace);
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return result;
}

std::vector<std::string> split_words(std::string_view text) {
    std::vector<std::string> words;
    bool in_word = false;
    char open_quote = 0;
    for (const char c : text) {
        if (open_quote != 0) {
            if (c == open_quote)
                open_quote = 0;
            else
                words.back() += c;
        } else if (std::isspace(static_cast<unsigned char>(c)) != 0) {
            in_word = false;
        } else {
            if (!in_word)
                words.emplace_back();
            in_word = true;
            if (c == '"' || c == '\'')
                open_quote = c;
            else
                words.back() += c;
        }
    }
    return words;
}

std::size_t end_of_command(std::string_view line) {
    char open_quote = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (open_quote != 0) {
            if (line[i] == open_quote)
                open_quote = 0;
        } else if (line[i] == '"' || line[i] == '\'') {
            open_quote = line[i];
        } else if (line[i] == ';') {
            return i;
        }
    }
    return line.size();
}

} // namespace standin
