#pragma once

#include "ctl/context/context.hpp"
#include "ctl/host/host_view.hpp"

#include <string>
#include <vector>

namespace sandbox::ctl {

enum class Verdict { good, warning, failed };

struct Check {
    std::string name;
    Verdict verdict = Verdict::good;
    std::string detail; ///< what was found
    std::string cure;   ///< for warnings and failures
};

/// Kernel, cgroup v2 and its controllers, PSI, swap, user namespaces, seccomp, clock. Throws nothing.
std::vector<Check> check_host(const HostView& host);

/// The site's settings, its uids, its policies, and the ChimeraX that each of them would run; whether the
/// host hands down cgroups and has the descriptors and the disk space that the settings want. Throws nothing.
std::vector<Check> check_site(const std::string& config, const HostView& host);

/// What the API says of itself: is it there, has it this program's version, can its ChimeraX draw? Throws
/// nothing.
std::vector<Check> check_api(const ApiClient& api, const std::string& address, const std::string& version,
                             const HostView& host);

/// The check's name: without it nothing else is of use.
inline constexpr const char* kChimerax = "ChimeraX";

inline constexpr const char* kSiteSettings = "/etc/chimerax-sandbox/sandboxd.toml";

/// All of these, for this host; first of all a ChimeraX that is missing. Throws Error for what the command
/// line got wrong alone.
std::vector<Check> examine(const Context& context, const std::string& config);

/// A line for each, and one more for its cure. With `only_findings` those that are good are left out.
std::string doctor_text(const Terminal& terminal, const std::vector<Check>& checks, bool only_findings);
Json doctor_json(const std::vector<Check>& checks);

} // namespace sandbox::ctl
