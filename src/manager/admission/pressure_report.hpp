#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

PressureView pressure_of(Context& context);

} // namespace sandbox::manager
