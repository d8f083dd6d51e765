#include "sandbox/base/version.hpp"

namespace sandbox {

const char* version() {
    return SANDBOX_VERSION;
}

} // namespace sandbox
