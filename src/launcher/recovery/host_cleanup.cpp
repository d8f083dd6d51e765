#include "launcher/recovery/host_cleanup.hpp"

#include "launcher/recovery/orphan_collector.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/kernel/namespace.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>

#include <poll.h>

namespace sandbox::launcher {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPatience = std::chrono::seconds(10);

/// systemd stops the tenants' scopes after it has answered that it will.
void wait_for_groups(CgroupDriver& driver) {
    const auto deadline = Clock::now() + kPatience;
    while (!driver.tenants().empty()) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0 || driver.poll_fd() < 0)
            throw Error(Errc::timed_out, "the groups of tenants are still there: " + driver.tenants().front(),
                        "systemctl stop chimerax.slice, where systemd made them.");
        const int wait = static_cast<int>(std::min<std::chrono::milliseconds::rep>(left.count(), 200));
        pollfd bus{driver.poll_fd(), driver.poll_events(), 0};
        ::poll(&bus, 1, wait);
        driver.process();
    }
}

} // namespace

void tear_down(LauncherContext& context, CgroupDriver& driver) {
    const Claimed nothing{{},
                          {},
                          [](const std::string&) { return true; }, // logs outlive the programs
                          [](const std::string&) { return false; }};
    sweep(context, driver, nothing, false, kPatience);
    wait_for_groups(driver);
    kernel::unpin_namespace(context.gateway_path());
    std::error_code ignored; // what an administrator has put there stays, and its folder
    for (const std::string& path : {context.sessions_dir(), context.ended_dir(), context.anchor()})
        std::filesystem::remove_all(path, ignored);
    for (const char* name : {"/launcher.sock", "/api.sock", "/launcher.lock"})
        std::filesystem::remove(context.site.run_dir + name, ignored);
    std::filesystem::remove(context.site.run_dir, ignored);
}

} // namespace sandbox::launcher
