#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// Takes over what an earlier manager left, by the store.
void adopt(const ContextPtr& context);

} // namespace sandbox::manager
