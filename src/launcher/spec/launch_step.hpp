#pragma once

#include "sandbox/protocol/facts.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sandbox::launcher {

/// The steps of making a sandbox, in their order. The launcher does those before `clone` and `id_maps`, the
/// child the others.
enum class Step : std::uint32_t {
    read_policy,
    tenant_group,
    run_folder,
    network,
    cgroup,
    clone,
    enter_network,
    enter_cgroup,
    root,
    binds,
    tmpfs,
    devices,
    proc,
    etc_files,
    pivot,
    user_namespace,
    id_maps,
    credentials,
    limits,
    seccomp,
    exec_init,
    exec_engine,
    recorded,
};
inline constexpr std::size_t kStepCount = static_cast<std::size_t>(Step::recorded) + 1;

std::string_view to_text(Step step);
std::optional<Step> step_from_text(std::string_view text);

/// When each step was done. Lives in memory that launcher and child share, so it is plain data.
struct Timeline {
    std::int64_t started = 0;                    ///< CLOCK_MONOTONIC, nanoseconds
    std::array<std::int64_t, kStepCount> done{}; ///< 0: not (yet)

    void start();
    void mark(Step step);
    std::vector<protocol::TimelineEntry> entries() const;
};

} // namespace sandbox::launcher
