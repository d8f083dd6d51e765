#include "launcher/spec/launch_step.hpp"

#include <string>

namespace sandbox::launcher {
namespace {

constexpr std::array<std::string_view, kStepCount> kNames{
    "read_policy",   "tenant_group", "run_folder", "network",        "cgroup",  "clone",
    "enter_network", "enter_cgroup", "root",       "binds",          "tmpfs",   "devices",
    "proc",          "etc_files",    "pivot",      "user_namespace", "id_maps", "credentials",
    "limits",        "seccomp",      "exec_init",  "exec_engine",    "recorded"};

std::int64_t now() {
    return std::chrono::steady_clock::now().time_since_epoch().count();
}

} // namespace

std::string_view to_text(Step step) {
    return kNames.at(static_cast<std::size_t>(step));
}

std::optional<Step> step_from_text(std::string_view text) {
    for (std::size_t i = 0; i < kNames.size(); ++i)
        if (kNames[i] == text)
            return static_cast<Step>(i);
    return std::nullopt;
}

void Timeline::start() {
    *this = {};
    started = now();
}

void Timeline::mark(Step step) {
    done[static_cast<std::size_t>(step)] = now();
}

std::vector<protocol::TimelineEntry> Timeline::entries() const {
    std::vector<protocol::TimelineEntry> entries;
    for (std::size_t i = 0; i < done.size(); ++i)
        if (done[i] != 0)
            entries.push_back({std::string(kNames[i]), static_cast<std::uint64_t>(done[i] - started) / 1000});
    return entries;
}

} // namespace sandbox::launcher
