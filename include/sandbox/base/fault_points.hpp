#pragma once

namespace sandbox {

/// Returns whether this build dies where a test tells it to (-Dfault_points=true). No build that is installed
/// does.
bool has_fault_points();

} // namespace sandbox
