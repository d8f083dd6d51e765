#pragma once

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

/// Where the host shows itself; tests give folders of their own.
struct HostView {
    std::string proc = "/proc";
    std::string cgroup = "/sys/fs/cgroup";
    std::string kernel_release; ///< uname(2)
};
HostView this_host();

/// Kernel, cgroup v2 and its controllers, PSI, swap, user namespaces, seccomp. Throws nothing.
std::vector<Check> check_host(const HostView& host);

/// The site's settings, its policies, and the ChimeraX that each of them would run. Throws nothing.
std::vector<Check> check_site(const std::string& config);

} // namespace sandbox::ctl
