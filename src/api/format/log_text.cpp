#include "api/format/log_text.hpp"

#include "sandbox/base/encoding.hpp"

#include <algorithm>
#include <utility>

namespace sandbox::api {
namespace {

/// A byte of a UTF-8 sequence that is not its first.
bool continues(char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
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
    return escape_controls(text, "\n\t");
}

} // namespace sandbox::api
