#pragma once

#include "api/routing/router.hpp"

#include <optional>

namespace sandbox::api {

/// Refuses headers that change what a request means to this route, and that it does not honour.
std::optional<Response> refuse_unheeded(const Route& route, const Request& head);

/// Throws Error invalid_argument where a body came that the route would not look at. `{}` says nothing, and
/// is taken.
void check_body_is_heeded(const Route& route, const Request& request);

} // namespace sandbox::api
