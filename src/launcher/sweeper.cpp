#include "sandbox/launcher/sweeper.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/kernel/process.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>

namespace sandbox::launcher {
namespace {

std::vector<std::string> session_names(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (const std::string name = entry.path().filename(); is_session_id(name))
            names.push_back(name);
    return names;
}

/// The sandbox of a run folder, when it lives and is the very one that was recorded.
std::optional<Sandbox> claim(const Environment& environment, const std::string& session) {
    std::optional<protocol::Launched> facts = read_session_file(environment, session);
    if (!facts)
        return std::nullopt;
    const auto init = static_cast<pid_t>(facts->init_pid);
    UniqueFd pidfd = kernel::open_pidfd(init);
    // The pidfd first, then the start time: a pid that was reused in between shows another one.
    if (!pidfd || kernel::start_time(init) != facts->start_time || kernel::has_ended(pidfd.get()))
        return std::nullopt;
    try {
        kernel::CgroupDir cgroup = kernel::CgroupDir::open(facts->cgroup);
        // In payload/ until ChimeraX runs, then in init/.
        const auto holds_init = [&](const char* group) {
            return std::ranges::count(cgroup.open_child(group).processes(), init) == 1;
        };
        if (!holds_init("payload") && !holds_init("init"))
            return std::nullopt;
        facts->engine_pid = find_engine(cgroup, init);
        return Sandbox{std::move(*facts), std::move(pidfd), std::move(cgroup)};
    } catch (const Error& error) {
        log::warning("session " + session + ": " + error.what());
        return std::nullopt;
    }
}

void sweep_cgroups(CgroupDriver& driver, const std::set<std::string>& live) {
    for (const std::string& tenant : driver.tenants()) {
        const kernel::CgroupDir group = driver.open_tenant(tenant);
        bool used = false;
        for (const std::string& name : group.children()) {
            if (!is_session_id(name))
                continue;
            if (live.contains(name)) {
                used = true;
                continue;
            }
            log::info("sweeps the cgroup " + group.path() + "/" + name);
            if (!destroy_cgroup(group, name, std::chrono::seconds(5))) {
                used = true;
                log::error("the cgroup " + group.path() + "/" + name +
                           " holds a process that the kernel does not end");
            }
        }
        if (!used)
            driver.release_tenant(tenant);
    }
}

void sweep_folders(const Environment& environment, const std::set<std::string>& live) {
    std::set<std::string> names;
    for (const std::string& folder : {environment.sessions_dir(), environment.logs_dir()})
        for (const std::string& name : session_names(folder))
            names.insert(name);
    for (const std::string& name : names)
        if (!live.contains(name)) {
            log::info("sweeps the folders of session " + name);
            remove_session_folders(environment, name);
        }
}

void sweep_links(Environment& environment, const std::set<std::uint32_t>& live_slots) {
    for (const std::string& link : environment.gateway_link.links()) {
        std::uint32_t slot = 0;
        const char* end = link.data() + link.size();
        if (!link.starts_with("cx"))
            continue;
        const auto [rest, ec] = std::from_chars(link.data() + 2, end, slot);
        if (ec == std::errc{} && rest == end && !live_slots.contains(slot)) {
            log::info("sweeps the link " + link);
            environment.gateway_link.delete_link(link);
        }
    }
}

} // namespace

std::vector<Sandbox> recover_sandboxes(Environment& environment, CgroupDriver& driver) {
    std::vector<Sandbox> sandboxes;
    std::set<std::string> live;
    std::set<std::uint32_t> live_slots;
    for (const std::string& session : session_names(environment.sessions_dir()))
        if (std::optional<Sandbox> sandbox = claim(environment, session)) {
            live.insert(session);
            live_slots.insert(sandbox->facts.slot);
            sandboxes.push_back(std::move(*sandbox));
        }
    sweep_cgroups(driver, live);
    sweep_folders(environment, live);
    sweep_links(environment, live_slots);
    return sandboxes;
}

} // namespace sandbox::launcher
