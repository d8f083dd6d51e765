#include "ctl/doctor/host_checks.hpp"
#include "ctl/format/json_text.hpp"
#include "ctl/host/host_units.hpp"

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

constexpr Duration kTimeout = std::chrono::seconds(5);

Check check_version(const ApiClient& api, const std::string& own) {
    const std::string version = word(api.get("/version", kTimeout), {"version"});
    if (version == own)
        return {"versions", Verdict::good, version, {}};
    return {"versions", Verdict::warning, "sandboxd is " + version + ", sandboxctl is " + own,
            "After an upgrade: sandboxctl admin handover."};
}

/// Each start under a policy and ChimeraX that are new to the manager has a picture drawn first, in a sandbox
/// of no tenant; what came of it stands in the sessions.
Check check_picture(const ApiClient& api) {
    bool draws = false;
    const Json answer = api.get("/v1/sessions", kTimeout);
    for (const Json& session : answer.at("sessions")) {
        const Json& renders = member(session, {"engine", "renders"});
        if (renders == false)
            return {"picture", Verdict::failed,
                    "the ChimeraX of policy " + word(session, {"policy", "name"}) + " draws none",
                    "Install its libOSMesa, and let the policy bind it."};
        draws = draws || renders == true;
    }
    if (draws)
        return {"picture", Verdict::good, "drawn in a sandbox", {}};
    return {"picture", Verdict::warning, "not known before the first session",
            "sandboxctl doctor --picture has one drawn."};
}

} // namespace

std::vector<Check> check_api(const ApiClient& api, const std::string& address, const std::string& version,
                             const HostView& host) {
    std::vector<Check> checks;
    const char* about = "API";
    try {
        // More than /healthz tells: 503 when the launcher does not answer.
        api.get("/readyz", kTimeout);
        checks.push_back({about, Verdict::good, address, {}});
        about = "versions";
        checks.push_back(check_version(api, version));
        about = "picture";
        checks.push_back(check_picture(api));
    } catch (const Error& error) {
        checks.push_back(
            {about, Verdict::failed, error.what(), error.cure().empty() ? log_cure(host) : error.cure()});
    }
    return checks;
}

} // namespace sandbox::ctl
