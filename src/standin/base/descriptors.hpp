#pragma once

#include <string>

namespace standin {

/// The process' descriptors above 2 and what they lead to, as a JSON object.
std::string descriptors_above_2();

} // namespace standin
