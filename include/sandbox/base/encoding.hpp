#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sandbox {

/// Valid UTF-8 (RFC 3629): neither overlong forms nor surrogates.
bool is_utf8(std::string_view bytes);

/// The length of the UTF-8 sequence that a text starts with, 0 where it starts with none or is empty (RFC
/// 3629, section 4).
std::size_t utf8_length(std::string_view text);

/// A text that cannot move a terminal's cursor, nor begin a line of its own: control characters but those of
/// `kept`, C1 controls included, and bytes that are no UTF-8, become `\xNN`; a backslash stays as it is.
std::string escape_controls(std::string_view text, std::string_view kept = {});

/// Bytes as a URL has them (RFC 3986): all but its unreserved characters, and those of `kept`, become `%E9`.
std::string percent_encode(std::string_view bytes, std::string_view kept = {});

/// The bytes again; none where two hexadecimal digits do not follow each `%`.
std::optional<std::string> percent_decode(std::string_view text);

} // namespace sandbox
