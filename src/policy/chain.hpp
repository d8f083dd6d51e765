#pragma once

#include "document.hpp"
#include "sandbox/policy/loader.hpp"

namespace sandbox::policy {

/// At most so many policies extend one another.
inline constexpr std::size_t kMaxChain = 8;

/// The policy's file with all that it `extends` merged below it, each file checked against the schema,
/// without defaults. Every node knows the file that wrote it.
Document load_chain(const std::string& dir, const std::string& name, Trust trust);

} // namespace sandbox::policy
