#pragma once

#include "policy/files/layers.hpp"
#include "policy/files/toml_document.hpp"
#include "sandbox/policy/loader.hpp"

#include <optional>

namespace sandbox::policy {

/// At most so many policies extend one another.
inline constexpr std::size_t kMaxChain = 8;

/// The policy's file, which is in the layer `first`, with all that it `extends` merged below it, each file
/// checked against the schema, without defaults. Every node knows the file that wrote it. `text` stands for
/// the first file where it has yet to be written.
Document load_chain(const Layers& layers, std::size_t first, const std::string& name, Trust trust,
                    const std::optional<std::string>& text = {});

} // namespace sandbox::policy
