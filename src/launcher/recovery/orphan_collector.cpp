#include "launcher/recovery/orphan_collector.hpp"

#include "launcher/build/syscall_recorder.hpp"
#include "launcher/cgroup/session_cgroup.hpp"
#include "launcher/operations/teardown.hpp"
#include "launcher/records/session_dir.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/kernel/process.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <set>

namespace sandbox::launcher {
namespace {

constexpr std::size_t kMostTold = 256; ///< far below what goes in one packet

std::vector<std::string> session_names(const std::string& folder) {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (const std::string name = entry.path().filename(); is_session_id(name))
            names.push_back(name);
    return names;
}

/// The sandbox of a run folder, when it lives and is the very one that was recorded.
std::optional<Sandbox> claim(const LauncherContext& context, const std::string& session) {
    std::optional<protocol::Launched> facts = read_session_file(context, session);
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
        return Sandbox{std::move(*facts), std::move(pidfd), std::move(cgroup), UniqueFd()};
    } catch (const Error& error) {
        log::warning({facts->session, facts->tenant}, "session " + session + ": " + error.what());
        return std::nullopt;
    }
}

/// nullopt: there is only its slice, as its launcher died before the scope was started.
std::optional<kernel::CgroupDir> open_group(const CgroupDriver& driver, const std::string& tenant) {
    try {
        return driver.open_tenant(tenant);
    } catch (const Error& error) {
        if (error.code() != Errc::not_found)
            throw;
        return std::nullopt;
    }
}

/// What is found, and what is done about it.
struct Sweeping {
    const Claimed& claimed;
    const bool dry_run;
    const Duration patience;
    std::vector<protocol::Leftover> found;

    /// True when it is to go now.
    bool note(const char* kind, const std::string& name, const log::Subject& about = {}) {
        if (found.size() < kMostTold)
            found.push_back({kind, name});
        if (!dry_run)
            log::info(about, std::string("sweeps the ") + kind + " " + name);
        return !dry_run;
    }
};

void sweep_cgroups(CgroupDriver& driver, Sweeping& sweeping) {
    for (const std::string& tenant : driver.tenants()) {
        const std::optional<kernel::CgroupDir> group = open_group(driver, tenant);
        bool used = sweeping.dry_run || sweeping.claimed.uses_tenant(tenant);
        for (const std::string& name : group ? group->children() : std::vector<std::string>()) {
            if (!is_session_id(name) || sweeping.claimed.sessions.contains(name))
                continue;
            const std::string path = group->path() + "/" + name;
            if (sweeping.note("cgroup", path, {name, tenant}) &&
                !destroy_cgroup(*group, name, sweeping.patience)) {
                used = true;
                log::error({name, tenant},
                           "the cgroup " + path + " holds a process that the kernel does not end");
            }
        }
        if (!used)
            driver.release_tenant(tenant);
    }
}

void sweep_folders(const LauncherContext& context, Sweeping& sweeping) {
    const Claimed& claimed = sweeping.claimed;
    std::set<std::string> names;
    for (const std::string& name : session_names(context.sessions_dir()))
        names.insert(name);
    for (const std::string& name : session_names(context.logs_dir()))
        if (!claimed.keeps_log(name))
            names.insert(name);
    for (const std::string& name : names) {
        if (claimed.sessions.contains(name) || !sweeping.note("folder", name, {.session = name}))
            continue;
        remove_run_folder(context, name);
        if (!claimed.keeps_log(name))
            remove_log_folder(context, name);
    }
}

void sweep_links(LauncherContext& context, Sweeping& sweeping) {
    for (const std::string& link : context.gateway_link.links()) {
        std::uint32_t slot = 0;
        const char* end = link.data() + link.size();
        if (!link.starts_with("cx"))
            continue;
        const auto [rest, ec] = std::from_chars(link.data() + 2, end, slot);
        if (ec == std::errc{} && rest == end && !sweeping.claimed.slots.contains(slot) &&
            sweeping.note("link", link))
            context.gateway_link.delete_link(link);
    }
}

/// It was whole once, and nobody has told yet how it ended: its launcher died before it could.
void note_end(const LauncherContext& context, const std::string& session, ExitRecords& exit_records) {
    if (!std::filesystem::exists(run_folder(context, session) + "/session.json") ||
        exit_records.find(session))
        return;
    const std::optional<protocol::Launched> facts = read_session_file(context, session);
    if (!facts)
        return;
    protocol::Ended ended;
    ended.session = session;
    try {
        const kernel::CgroupDir cgroup = kernel::CgroupDir::open(facts->cgroup);
        cgroup.kill(); // its init is gone, and with it all of its pid namespace
        ended = read_last_figures(context, session, cgroup);
    } catch (const Error&) {
        // The group is gone, and its figures.
        ended.record = read_exit_record(context, session);
        ended.system_calls = read_system_calls(context, session);
    }
    ended.last_step = "already_ended";
    exit_records.keep(ended);
}

} // namespace

std::vector<protocol::Leftover> sweep(LauncherContext& context, CgroupDriver& driver, const Claimed& claimed,
                                      bool dry_run, Duration patience) {
    Sweeping sweeping{claimed, dry_run, patience, {}};
    sweep_cgroups(driver, sweeping);
    sweep_folders(context, sweeping);
    sweep_links(context, sweeping);
    return std::move(sweeping.found);
}

std::vector<Sandbox> recover_sandboxes(LauncherContext& context, CgroupDriver& driver,
                                       ExitRecords& exit_records) {
    std::vector<Sandbox> sandboxes;
    std::set<std::string> tenants;
    Claimed claimed{{},
                    {},
                    [&](const std::string& session) { return exit_records.has(session); },
                    [&](const std::string& tenant) { return tenants.contains(tenant); }};
    for (const std::string& session : session_names(context.sessions_dir()))
        if (std::optional<Sandbox> sandbox = claim(context, session)) {
            claimed.sessions.insert(session);
            claimed.slots.insert(sandbox->facts.slot);
            tenants.insert(sandbox->facts.tenant);
            sandboxes.push_back(std::move(*sandbox));
        } else {
            note_end(context, session, exit_records);
        }
    // One with a run folder that is not whole never ran; one without it may have, before the boot.
    for (const std::string& session : session_names(context.logs_dir()))
        if (!claimed.sessions.contains(session) && !std::filesystem::exists(run_folder(context, session)))
            exit_records.keep_log(session);
    sweep(context, driver, claimed, false, std::chrono::seconds(5));
    return sandboxes;
}

} // namespace sandbox::launcher
