#pragma once

#include "sandbox/base/bytes.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sandbox::manager {

/// What is short for one more session. The first two concern only some; the others everybody.
enum class Shortage { none, tenant_sessions, policy_sessions, host_sessions, memory_budget };

/// The stable word of a refusal's `reason`, as `tenant_sessions`.
std::string_view to_text(Shortage shortage);
/// Nobody may overtake who waits for this: it would take what that one waits for.
bool concerns_all(Shortage shortage);

/// What one session takes of the host.
struct Need {
    std::string tenant;
    std::uint64_t tenant_max = 0;
    std::string policy;
    std::optional<std::uint64_t> policy_max;
    Bytes memory; ///< its memory_max
};

struct HostLimits {
    std::uint64_t sessions = 0;
    Bytes memory; ///< all that is promised, the overcommit in it
};

/// The places of the host, and who has them. Pure: it counts.
class Capacity {
  public:
    explicit Capacity(HostLimits limits) : limits_(limits) {}

    void add(const Need& need);
    /// What one more would lack. A session that is alone gets memory whatever the budget is: else a host with
    /// less memory than one policy's limit would run nothing.
    Shortage shortage(const Need& need) const;

    std::uint64_t sessions() const { return sessions_; }
    Bytes memory() const { return memory_; }
    const HostLimits& limits() const { return limits_; }

  private:
    HostLimits limits_;
    std::uint64_t sessions_ = 0;
    Bytes memory_;
    std::map<std::string, std::uint64_t> of_tenant_, of_policy_;
};

/// The budget where the site names none: the host's memory without a tenth of it, or without 512 MiB where
/// that is more, but at least half; no bound where the host does not tell it. Then times the overcommit.
Bytes memory_promise(std::optional<Bytes> budget, std::optional<Bytes> host_memory, double overcommit);

} // namespace sandbox::manager
