#include "manager/capacity/capacity.hpp"

#include <algorithm>

namespace sandbox::manager {
namespace {

std::uint64_t count_of(const std::map<std::string, std::uint64_t>& counts, const std::string& name) {
    const auto found = counts.find(name);
    return found == counts.end() ? 0 : found->second;
}

} // namespace

std::string_view to_text(Shortage shortage) {
    switch (shortage) {
    case Shortage::none:
        break;
    case Shortage::tenant_sessions:
        return "tenant_sessions";
    case Shortage::policy_sessions:
        return "policy_sessions";
    case Shortage::host_sessions:
        return "host_sessions";
    case Shortage::memory_budget:
        return "memory_budget";
    }
    return "none";
}

bool concerns_all(Shortage shortage) {
    return shortage == Shortage::host_sessions || shortage == Shortage::memory_budget;
}

void Capacity::add(const Need& need) {
    ++sessions_;
    memory_.value += need.memory.value;
    ++of_tenant_[need.tenant];
    ++of_policy_[need.policy];
}

Shortage Capacity::shortage(const Need& need) const {
    if (count_of(of_tenant_, need.tenant) >= need.tenant_max)
        return Shortage::tenant_sessions;
    if (need.policy_max && count_of(of_policy_, need.policy) >= *need.policy_max)
        return Shortage::policy_sessions;
    if (sessions_ >= limits_.sessions)
        return Shortage::host_sessions;
    if (sessions_ > 0 && memory_.value + need.memory.value > limits_.memory.value)
        return Shortage::memory_budget;
    return Shortage::none;
}

Bytes memory_promise(std::optional<Bytes> budget, std::optional<Bytes> host_memory, double overcommit) {
    constexpr double kMost = 9e18; // below 2^63, so that sums do not overflow
    double base = kMost;
    if (budget) {
        base = static_cast<double>(budget->value);
    } else if (host_memory) {
        const std::uint64_t reserve = std::max(host_memory->value / 10, (512_MiB).value);
        base = static_cast<double>(host_memory->value - std::min(reserve, host_memory->value / 2));
    }
    return {static_cast<std::uint64_t>(std::min(base * overcommit, kMost))};
}

} // namespace sandbox::manager
