#pragma once

#include "ctl/context/context.hpp"
#include "ctl/verify/verify.hpp"

#include <string>
#include <vector>

namespace sandbox::ctl {

/// A line for each promise, and one at the end that counts them. `first_hand`: the launcher itself told the
/// facts. With `only_failures` nothing but what does not hold.
std::string verify_text(const Terminal& terminal, const std::string& session,
                        const std::vector<Proof>& proofs, bool first_hand, bool only_failures);

Json verify_json(const std::string& session, const std::vector<Proof>& proofs, bool first_hand);

} // namespace sandbox::ctl
