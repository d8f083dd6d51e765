#pragma once

#include "sandbox/manager/pressure_view.hpp"

#include <string>

namespace sandbox::api {

/// The body of GET /v1/pressure: `admitting`, `reason` where not, and limits, gates and queue with what is
/// taken of them.
std::string pressure_json(const manager::PressureView& view);

} // namespace sandbox::api
