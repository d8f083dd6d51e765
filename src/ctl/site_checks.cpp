#include "host_checks.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/chimerax/installation.hpp"
#include "sandbox/policy/loader.hpp"

#include <filesystem>
#include <optional>
#include <set>

namespace sandbox::ctl {
namespace {

constexpr const char* kNoCure = "See the message.";

Check failed(const std::string& name, const Error& error) {
    return {name, Verdict::failed, error.what(), error.cure().empty() ? kNoCure : error.cure()};
}

/// What the policies name as ChimeraX; none stands for what the finder finds.
using Executables = std::set<std::optional<std::string>>;

void check_policies(const policy::Site& site, std::vector<Check>& checks, Executables& executables) {
    std::size_t good = 0;
    try {
        for (const std::string& name : policy::list_policies(site.policies_dir)) {
            try {
                const auto loaded = policy::load_policy(site.policies_dir, name, policy::Trust::any_owner);
                executables.insert(loaded.chimerax.executable);
                ++good;
            } catch (const Error& error) {
                checks.push_back(failed("policy " + name, error));
            }
        }
    } catch (const Error& error) {
        checks.push_back(failed("policies", error));
        return;
    }
    if (good > 0)
        checks.push_back({"policies", Verdict::good, std::to_string(good) + " in " + site.policies_dir, {}});
    else
        checks.push_back({"policies", Verdict::failed, "no good one in " + site.policies_dir,
                          "Install the shipped ones there."});
}

Check check_chimerax(const std::optional<std::string>& executable) {
    try {
        const auto found = chimerax::find_installation(executable);
        if (!found.stand_in)
            return {"ChimeraX", Verdict::good, found.executable, {}};
        return {"ChimeraX", Verdict::warning, found.executable + " is the stand-in, not UCSF ChimeraX",
                "Install UCSF ChimeraX from https://www.rbvi.ucsf.edu/chimerax/download.html."};
    } catch (const Error& error) {
        return failed("ChimeraX", error);
    }
}

} // namespace

std::vector<Check> check_site(const std::string& config) {
    std::vector<Check> checks;
    policy::Site site;
    if (!std::filesystem::exists(config)) {
        checks.push_back({"settings", Verdict::warning, config + " is not there: defaults are used",
                          "Write one; `sandboxctl policy schema site` tells what may stand in it."});
    } else {
        try {
            site = policy::load_site(config, policy::Trust::any_owner);
            checks.push_back({"settings", Verdict::good, config, {}});
        } catch (const Error& error) {
            checks.push_back(failed("settings", error));
            return checks;
        }
    }
    Executables executables;
    check_policies(site, checks, executables);
    if (executables.empty())
        executables.insert(std::nullopt);
    for (const auto& executable : executables)
        checks.push_back(check_chimerax(executable));

    const std::string socket = site.run_dir + "/launcher.sock";
    std::error_code error;
    if (std::filesystem::is_socket(socket, error))
        checks.push_back({"launcher", Verdict::good, socket, {}});
    else
        checks.push_back({"launcher", Verdict::failed, socket + " is not there",
                          "Start it: systemctl start sandbox-launcher."});
    return checks;
}

} // namespace sandbox::ctl
