#pragma once

namespace sandbox {

/// The release that this program is of, for example "1.2.0".
const char* version();

} // namespace sandbox
