#include "ctl/policy/narrow_profile.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

/// Whether a run makes them is a matter of chance: a signal, a freeze, an end.
constexpr std::array kByChance{"exit", "exit_group", "restart_syscall", "rt_sigreturn"};

bool is_allowing(const Json& action) {
    return action == "SCMP_ACT_ALLOW" || action == "SCMP_ACT_LOG";
}

} // namespace

Learned narrow_profile(const Json& profile, const Json& allowed) {
    const auto is_kept = [&](const std::string& name) {
        return allowed.contains(name) || std::ranges::find(kByChance, name) != kByChance.end();
    };
    Learned learned{profile, {}, {}};
    std::set<std::string> named, allowing, unused;
    Json rules = Json::array();
    for (Json rule : profile.value("syscalls", Json::array())) {
        Json names = Json::array();
        for (const Json& name : rule["names"]) {
            named.insert(name.get<std::string>());
            if (is_allowing(rule["action"]))
                allowing.insert(name.get<std::string>());
            if (!is_allowing(rule["action"]) || is_kept(name))
                names.push_back(name);
            else
                unused.insert(name.get<std::string>());
        }
        if (names.empty())
            continue;
        rule["names"] = std::move(names);
        rules.push_back(std::move(rule));
    }
    if (is_allowing(profile["defaultAction"])) {
        Json names = Json::array();
        for (const char* name : kByChance)
            if (!named.contains(name) && !allowed.contains(name))
                names.push_back(name);
        for (const auto& [name, times] : allowed.items())
            if (!named.contains(name))
                names.push_back(name);
            else if (!allowing.contains(name))
                learned.lost.push_back(name);
        if (!names.empty())
            rules.push_back({{"names", std::move(names)}, {"action", profile["defaultAction"]}});
        learned.narrowed["defaultAction"] = "SCMP_ACT_ERRNO";
        learned.narrowed["defaultErrnoRet"] = 1;
    }
    learned.narrowed["syscalls"] = std::move(rules);
    learned.unused.assign(unused.begin(), unused.end());
    return learned;
}

} // namespace sandbox::ctl
