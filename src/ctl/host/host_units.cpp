#include "ctl/host/host_units.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

namespace sandbox::ctl {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTarget = "chimerax-sandbox.target";

/// By the link that `systemctl mask` makes (systemd.unit(5)).
bool is_masked(const HostView& host) {
    std::error_code ignored;
    return fs::read_symlink(host.etc + "/systemd/system/" + kTarget, ignored) == "/dev/null";
}

/// By the links that systemctl makes (systemd.unit(5), WantedBy=). One may lead nowhere.
bool is_enabled(const HostView& host) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(host.etc + "/systemd/system", ignored)) {
        const std::string kind = entry.path().extension();
        if ((kind == ".wants" || kind == ".requires") && fs::is_symlink(entry.path() / kTarget, ignored))
            return true;
    }
    return false;
}

} // namespace

bool has_unit(const HostView& host, const std::string& name) {
    std::error_code ignored;
    const std::array places{host.etc + "/systemd/system/", host.usr + "/local/lib/systemd/system/",
                            host.usr + "/lib/systemd/system/"};
    return fs::exists(host.systemd, ignored) && std::ranges::any_of(places, [&](const std::string& place) {
               return fs::exists(place + name, ignored);
           });
}

std::string start_cure(const HostView& host) {
    if (!has_unit(host, kTarget))
        return "Start it, as root: sandbox-launcher --with-manager.";
    if (is_masked(host))
        return "Somebody has masked it. As root: `systemctl unmask chimerax-sandbox.target`, then "
               "`systemctl enable --now chimerax-sandbox.target`.";
    if (!is_enabled(host))
        return "As root: systemctl enable --now chimerax-sandbox.target.";
    return "It is enabled: `systemctl status chimerax-sandboxd chimerax-sandbox-launcher` and "
           "`journalctl -b -u chimerax-sandboxd -u chimerax-sandbox-launcher` tell why it does not run; "
           "as root, `systemctl restart chimerax-sandbox.target` starts it anew.";
}

std::string log_cure(const HostView& host) {
    return has_unit(host, kTarget) ? "Look at the log: journalctl -u chimerax-sandboxd."
                                   : "Look at the log of sandboxd: it is where sandbox-launcher was started.";
}

} // namespace sandbox::ctl
