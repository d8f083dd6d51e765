#include "sandbox/base/fault_points.hpp"

namespace sandbox {

bool has_fault_points() {
    return SANDBOX_FAULT_POINTS != 0;
}

} // namespace sandbox
