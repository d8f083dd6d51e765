#pragma once

#include "document.hpp"
#include "sandbox/policy/loaded_policy.hpp"

namespace sandbox::policy {

/// At most so many policies extend one another.
inline constexpr std::size_t kMaxChain = 8;

/// The policy's file with all that it `extends` merged below it, each file checked against the schema,
/// without defaults. Every node knows the file that wrote it. `sources` receives what was read.
Document load_chain(const std::string& dir, const std::string& name, Trust trust,
                    std::vector<LoadedPolicy::Source>& sources);

} // namespace sandbox::policy
