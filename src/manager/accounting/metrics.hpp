#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

/// What is counted, and how things stand now.
std::vector<metric::Family> metrics_of(const Context& context);

} // namespace sandbox::manager
