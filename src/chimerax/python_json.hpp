#pragma once

#include <string>
#include <string_view>

namespace sandbox::chimerax {

/// Python's json module writes NaN, Infinity and -Infinity, which are not JSON (RFC 8259, section 6). Gives
/// the text with null in their place; what stands inside strings stays. Throws Error engine for arrays and
/// objects more than 500 deep, which no reader of the text should have to survive.
std::string replace_python_constants(std::string_view text);

} // namespace sandbox::chimerax
