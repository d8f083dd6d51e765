#pragma once

#include "sandbox/policy/policy_folders.hpp"
#include "sandbox/policy/trust.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sandbox::policy {

/// Folders of policies, each above those behind it.
using Layers = std::vector<std::string>;

Layers layers_of(const PolicyFolders& folders);

/// The first layer from `from` on that has `file`, which is relative to it, whatever it is: what is wrong
/// with it is told, and no layer below takes its place.
std::optional<std::size_t> find_layer(const Layers& layers, const std::string& file, Trust trust,
                                      std::size_t from = 0);

/// As "A or B".
std::string layers_text(const Layers& layers);

} // namespace sandbox::policy
