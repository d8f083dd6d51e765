#pragma once

#include <ctime>
#include <optional>
#include <string>

namespace sandbox::api {

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7).
std::string http_date(std::time_t time);

/// Of that form, or of the two obsolete ones that a recipient takes.
std::optional<std::time_t> parse_http_date(const std::string& text);

} // namespace sandbox::api
