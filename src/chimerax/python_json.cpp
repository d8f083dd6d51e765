#include "python_json.hpp"

#include "sandbox/base/error.hpp"

#include <array>

namespace sandbox::chimerax {
namespace {

constexpr std::size_t kMaxDepth = 500;
constexpr std::array<std::string_view, 3> kConstants{"-Infinity", "Infinity", "NaN"};

// The end of the string that starts with the quote at `start`.
std::size_t end_of_string(std::string_view text, std::size_t start) {
    for (std::size_t i = start + 1; i < text.size(); ++i) {
        if (text[i] == '\\')
            ++i;
        else if (text[i] == '"')
            return i + 1;
    }
    return text.size();
}

std::size_t constant_length(std::string_view rest) {
    for (const std::string_view constant : kConstants)
        if (rest.starts_with(constant))
            return constant.size();
    return 0;
}

} // namespace

std::string replace_python_constants(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    std::size_t depth = 0;
    for (std::size_t i = 0; i < text.size();) {
        const char c = text[i];
        if (c == '"') {
            const std::size_t end = end_of_string(text, i);
            result += text.substr(i, end - i);
            i = end;
            continue;
        }
        if (c == '[' || c == '{') {
            if (++depth > kMaxDepth)
                throw Error(Errc::engine,
                            "ChimeraX's answer nests more than " + std::to_string(kMaxDepth) + " deep");
        } else if ((c == ']' || c == '}') && depth > 0) {
            --depth;
        } else if (const std::size_t length = constant_length(text.substr(i)); length != 0) {
            result += "null";
            i += length;
            continue;
        }
        result += c;
        ++i;
    }
    return result;
}

} // namespace sandbox::chimerax
