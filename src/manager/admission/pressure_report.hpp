#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

PressureView pressure_of(Core& core);

} // namespace sandbox::manager
