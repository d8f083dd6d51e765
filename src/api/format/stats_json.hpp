#pragma once

#include "sandbox/manager/session_view.hpp"
#include "sandbox/manager/stats.hpp"

#include <string>

namespace sandbox::api {

/// The body of GET /v1/sessions/{id}/stats. Units are in the names; null is what the host does not count. The
/// `history` is there only where `with_history` is: a list for each figure, oldest first, the newest of
/// `ends_at`.
std::string stats_json(const manager::SessionView& session, const manager::Stats& stats, bool with_history);

} // namespace sandbox::api
