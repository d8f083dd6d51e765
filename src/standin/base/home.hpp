#pragma once

#include <string>

namespace standin {

/// Makes ChimeraX's folders in HOME. Gives why HOME cannot be used, or nothing; `cold` tells that no earlier
/// start left its caches there.
std::string prepare_home(bool& cold);

} // namespace standin
