#include "ctl/doctor/host_checks.hpp"

#include "ctl/host/host_units.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <sstream>

namespace sandbox::ctl {
namespace {

constexpr int kKernelMajor = 6, kKernelMinor = 1;

/// Empty for a file that is not there, or may not be read.
std::string text_of(const std::string& path) {
    try {
        return read_file(path, 1 << 20);
    } catch (const Error&) {
        return {};
    }
}

std::vector<std::string> words_of(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> words;
    for (std::string word; stream >> word;)
        words.push_back(std::move(word));
    return words;
}

bool has(const std::vector<std::string>& words, const char* word) {
    return std::ranges::find(words, word) != words.end();
}

Check kernel(const HostView& host) {
    Check check{"kernel", Verdict::good, host.kernel_release, {}};
    int major = 0, minor = 0;
    if (std::sscanf(host.kernel_release.c_str(), "%d.%d", &major, &minor) != 2 || major < kKernelMajor ||
        (major == kKernelMajor && minor < kKernelMinor)) {
        check.verdict = Verdict::failed;
        check.cure = "Run Linux 6.1 or newer.";
    }
    return check;
}

/// The root of a unified hierarchy has cgroup.controllers (cgroup-v2.rst, Mounting); a hybrid one keeps it
/// in a folder `unified`.
Check unified_hierarchy(const HostView& host) {
    Check check{"cgroup v2", Verdict::good, "unified at " + host.cgroup, {}};
    if (!text_of(host.cgroup + "/cgroup.controllers").empty())
        return check;
    check.verdict = Verdict::failed;
    const bool hybrid = !text_of(host.cgroup + "/unified/cgroup.procs").empty();
    check.detail = host.cgroup + (hybrid ? " is a hybrid of v1 and v2" : " is not cgroup v2");
    check.cure = "Boot with systemd.unified_cgroup_hierarchy=1, or mount -t cgroup2 where nothing uses v1.";
    return check;
}

Check controllers(const HostView& host) {
    std::string file = host.cgroup + "/cgroup.controllers";
    if (text_of(file).empty())
        file = host.cgroup + "/unified/cgroup.controllers";
    const std::vector<std::string> there = words_of(text_of(file));
    Check check{"controllers", Verdict::good, {}, {}};
    std::string missing;
    for (const char* name : {"memory", "cpu", "pids", "io"}) {
        if (has(there, name))
            continue;
        missing += (missing.empty() ? "" : ", ") + std::string(name);
        // No limit of the shipped policies needs io.
        const Verdict worst = std::string(name) == "io" ? Verdict::warning : Verdict::failed;
        check.verdict = std::max(check.verdict, worst);
    }
    for (const std::string& name : there)
        check.detail += (check.detail.empty() ? "" : " ") + name;
    if (missing.empty())
        return check;
    check.detail = "missing: " + missing + (check.detail.empty() ? "" : " (there: " + check.detail + ")");
    check.cure = "Free them from cgroup v1, and boot without cgroup_disable=; for memory on Debian's ARM "
                 "kernels cgroup_enable=memory.";
    return check;
}

Check pressure(const HostView& host) {
    if (!text_of(host.proc + "/pressure/memory").empty())
        return {"PSI", Verdict::good, "on", {}};
    return {"PSI", Verdict::warning, "off: pressure cannot be seen", "Boot with psi=1."};
}

Check swap(const HostView& host) {
    // One line of titles, then one for each swap area (proc_swaps(5)).
    const std::string text = text_of(host.proc + "/swaps");
    if (std::ranges::count(text, '\n') > 1)
        return {"swap", Verdict::good, "there", {}};
    return {"swap", Verdict::warning, "none: memory of idle sessions cannot be moved out",
            "Add swap or zram if idle sessions shall cost less."};
}

Check user_namespaces(const HostView& host) {
    const std::string text = text_of(host.proc + "/sys/user/max_user_namespaces");
    if (!text.empty() && text != "0\n")
        return {"user namespaces", Verdict::good, "allowed", {}};
    return {"user namespaces", Verdict::failed,
            text.empty() ? "the kernel has none" : "user.max_user_namespaces is 0",
            "sysctl user.max_user_namespaces=65536; the kernel needs CONFIG_USER_NS."};
}

/// The sandboxes' PID 1 is executed from a memory file; with 2 the kernel refuses all of these (vm.rst).
/// Kernels before 6.3 have no such setting.
Check memory_files(const HostView& host) {
    if (text_of(host.proc + "/sys/vm/memfd_noexec") != "2\n")
        return {"memory files", Verdict::good, "may be executed where a program asks for it", {}};
    return {"memory files", Verdict::failed, "vm.memfd_noexec is 2: sandbox-init cannot be executed",
            "sysctl vm.memfd_noexec=1, and remove what sets it from /etc/sysctl.d."};
}

Check seccomp(const HostView& host) {
    const std::vector<std::string> actions =
        words_of(text_of(host.proc + "/sys/kernel/seccomp/actions_avail"));
    if (has(actions, "errno") && has(actions, "kill_process"))
        return {"seccomp", Verdict::good, "filters", {}};
    return {"seccomp", Verdict::failed, "the kernel has no seccomp filters",
            "Use a kernel with CONFIG_SECCOMP_FILTER."};
}

/// Idle and lifetime do not go by it; the times of logs, events and audit do.
Check clock_check(const HostView& host) {
    if (host.clock_is_set)
        return {"clock", Verdict::good, "kept right", {}};
    return {"clock", Verdict::warning, "nothing keeps it right: the times of logs and audit may be wrong",
            has_unit(host, "systemd-timesyncd.service")
                ? "systemctl enable --now systemd-timesyncd, or run another NTP client."
                : "Run an NTP client."};
}

/// Nothing to be done, and many look for it.
Check firewall() {
    return {"firewall", Verdict::good, "none is needed: sessions have no route out, nft is not used", {}};
}

} // namespace

std::vector<Check> check_host(const HostView& host) {
    return {kernel(host),          unified_hierarchy(host), controllers(host), pressure(host),    swap(host),
            user_namespaces(host), memory_files(host),      seccomp(host),     clock_check(host), firewall()};
}

} // namespace sandbox::ctl
