#pragma once

#include "sandbox/manager/session_view.hpp"
#include "sandbox/manager/stats.hpp"

namespace sandbox::manager {

/// The folder below a session's group where ChimeraX runs.
inline constexpr const char* kPayload = "payload";

/// What a session's view shows of its figures: those that its limits count.
SessionView::Usage usage_of(const Sample& sample);

} // namespace sandbox::manager
