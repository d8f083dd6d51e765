#pragma once

namespace standin {

/// Python's faulthandler: a fatal signal first writes a traceback to stderr, then kills the process as it
/// would have without.
void report_crashes();

} // namespace standin
