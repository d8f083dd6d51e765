#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sandbox {

/// Valid UTF-8 (RFC 3629): neither overlong forms nor surrogates.
bool is_utf8(std::string_view bytes);

/// Bytes as a URL has them (RFC 3986): all but its unreserved characters, and those of `kept`, become `%E9`.
std::string percent_encode(std::string_view bytes, std::string_view kept = {});

/// The bytes again; none where two hexadecimal digits do not follow each `%`.
std::optional<std::string> percent_decode(std::string_view text);

} // namespace sandbox
