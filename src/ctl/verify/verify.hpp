#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace sandbox::ctl {

using Json = nlohmann::ordered_json;

enum class Held {
    yes,
    no,
    not_enforced, ///< the host lacks what it needs, and the policy's enforcement is best-effort
};

/// One promise of a session's policy, and what the kernel says of it.
struct Proof {
    std::string promise;
    Held held = Held::no;
    std::string expected, found;
};

/// Compares what a launcher saw of a sandbox (`inspect`) with the promise in it, and nothing else: what is
/// missing does not hold. Throws Error unsupported where there is no promise in it.
std::vector<Proof> verify(const Json& inspected);

// The parts of it.

void verify_cgroup(const Json& inspected, std::vector<Proof>& proofs);
void verify_processes(const Json& inspected, std::vector<Proof>& proofs);
void verify_mounts(const Json& inspected, std::vector<Proof>& proofs);
void verify_network(const Json& inspected, std::vector<Proof>& proofs);

/// One more; it holds where `holds` does.
void add_proof(std::vector<Proof>& proofs, std::string promise, bool holds, std::string expected,
               std::string found);
/// Decimal digits alone.
std::optional<std::uint64_t> whole_number(const std::string& text);

} // namespace sandbox::ctl
