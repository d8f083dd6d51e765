#pragma once

#include <string>
#include <string_view>

namespace sandbox::api {

/// A session's output, fit for a terminal: control characters but \n and \t, C1 controls included, and bytes
/// that are no UTF-8, become `\xNN`; a backslash stays as it is.
std::string escape_log(std::string_view text);

} // namespace sandbox::api
