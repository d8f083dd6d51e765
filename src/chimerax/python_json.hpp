#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sandbox::chimerax {

/// JSON that every reader takes (RFC 8259), and how deep its arrays and objects nest.
struct StrictJson {
    std::string text;
    std::size_t depth = 0;
};

/// Makes it of what Python's json.dumps writes, which takes more for JSON than others do: NaN and the
/// infinities become null, a number that no double holds the string of its digits, half a surrogate pair and
/// bytes that are no UTF-8 become U+FFFD; a byte order mark goes. What is no JSON stays none.
StrictJson to_strict_json(std::string_view text);

} // namespace sandbox::chimerax
