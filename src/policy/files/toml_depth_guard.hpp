#pragma once

#include <string>

namespace sandbox::policy {

/// toml++ builds and frees nested tables by recursion and limits brackets alone, so that one line of a
/// million dotted keys overflows the stack. Throws Error invalid_argument, with the position, for more than
/// 32 brackets in each other or a key of more than 32 parts. Knows strings and comments, and leaves all other
/// faults to the parser.
void check_nesting(const std::string& text, const std::string& origin);

} // namespace sandbox::policy
