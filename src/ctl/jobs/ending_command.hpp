#pragma once

#include <string_view>

namespace sandbox::ctl {

/// Whether a line that is typed for ChimeraX would end it, or its answers: `exit`, `quit` and
/// `remotecontrol rest stop`, shortened as ChimeraX takes them, alone or among others with `;`.
bool ends_chimerax(std::string_view line);

} // namespace sandbox::ctl
