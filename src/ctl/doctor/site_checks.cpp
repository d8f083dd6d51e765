#include "ctl/doctor/host_checks.hpp"
#include "ctl/format/json_text.hpp"
#include "ctl/host/host_units.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/low_limits.hpp"
#include "sandbox/chimerax/installation.hpp"
#include "sandbox/policy/loader.hpp"
#include "sandbox/protocol/packet_socket.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>
#include <vector>

#include <sys/statvfs.h>

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
    const policy::PolicyFolders folders = site.policy_folders();
    const std::string places = folders.admin + (folders.vendor.empty() ? "" : " and " + folders.vendor);
    try {
        for (const std::string& name : policy::list_policies(folders)) {
            try {
                const auto loaded = policy::load_policy(folders, name, policy::Trust::any_owner);
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
        checks.push_back({"policies", Verdict::good, std::to_string(good) + " in " + places, {}});
    else
        checks.push_back({"policies", Verdict::failed, "no good one in " + places,
                          "Install the vendor's, with `meson install` or the package."});
}

Check check_chimerax(const std::optional<std::string>& executable) {
    try {
        const auto found = chimerax::find_installation(executable);
        if (!found.stand_in)
            return {kChimerax, Verdict::good, found.executable, {}};
        return {kChimerax, Verdict::warning, found.executable + " is the stand-in, not UCSF ChimeraX",
                chimerax::installation_cure()};
    } catch (const Error& error) {
        return failed(kChimerax, error);
    }
}

std::string text_of(const std::string& path) {
    try {
        return read_file(path, 4096);
    } catch (const Error&) {
        return {};
    }
}

/// systemd hands its scopes all controllers (Delegate=yes); a folder that somebody else made must have them.
Check check_delegation(const policy::Site& site, const HostView& host) {
    const bool systemd = std::filesystem::exists(host.systemd);
    if (site.cgroup_driver == policy::CgroupDriver::systemd && !systemd)
        return {"delegation", Verdict::failed, "cgroup_driver is systemd, and PID 1 is not",
                "Set cgroup_driver = \"cgroupfs\" in sandboxd.toml."};
    if (site.cgroup_driver == policy::CgroupDriver::systemd ||
        (site.cgroup_driver == policy::CgroupDriver::automatic && systemd))
        return {"delegation", Verdict::good, "by systemd, a scope for each tenant", {}};
    const std::string base = host.cgroup + "/" + site.cgroup_base;
    // A base that is there has what it was given; one that is yet to be made gets what the root hands down.
    const bool there = std::filesystem::exists(base + "/cgroup.controllers");
    std::istringstream given(
        text_of(there ? base + "/cgroup.controllers" : host.cgroup + "/cgroup.subtree_control"));
    const std::set<std::string> names{std::istream_iterator<std::string>(given), {}};
    std::string missing;
    for (const char* name : {"cpu", "memory", "pids"})
        if (!names.contains(name))
            missing += (missing.empty() ? "" : " ") + std::string(name);
    if (missing.empty())
        return {"delegation", Verdict::good, base, {}};
    return {"delegation", Verdict::warning, base + " is not given: " + missing,
            "echo '+cpu +memory +pids' > " + host.cgroup +
                "/cgroup.subtree_control, if the launcher does not."};
}

/// Decimal fields between these characters: of passwd(5), subuid(5), uid_map (user_namespaces(7)). What is no
/// such line has none.
std::vector<std::uint64_t> numbers_of(const std::string& line, const char* separators, std::size_t first) {
    std::vector<std::uint64_t> numbers;
    std::size_t start = 0;
    for (std::size_t field = 0; start <= line.size(); ++field) {
        const std::size_t end = std::min(line.find_first_of(separators, start), line.size());
        std::uint64_t number = 0;
        const char* last = line.data() + end;
        const auto [rest, error] = std::from_chars(line.data() + start, last, number);
        if (field >= first && error == std::errc() && rest == last)
            numbers.push_back(number);
        start = end + 1;
    }
    return numbers;
}

/// The parts of the site's uids that this user namespace maps (user_namespaces(7)).
std::uint64_t mapped_of(const std::string& uid_map, std::uint64_t first, std::uint64_t count) {
    std::uint64_t mapped = 0;
    std::istringstream lines(uid_map);
    std::uint64_t inside = 0, outside = 0, length = 0;
    while (lines >> inside >> outside >> length) {
        const std::uint64_t start = std::max(first, inside), end = std::min(first + count, inside + length);
        mapped += end > start ? end - start : 0;
    }
    return mapped;
}

/// Each slot's sessions run as a uid of their own: it must exist for this kernel, and be nobody else's.
Check check_uids(const policy::Site& site, const HostView& host) {
    const std::uint64_t first = site.uid_base, count = site.slots, end = first + count;
    const std::string range = std::to_string(first) + " to " + std::to_string(end - 1);
    const std::string cure = "Set uid_base in sandboxd.toml to the first of " + std::to_string(count) +
                             " uids that are nobody's, and start the launcher anew.";
    const std::uint64_t mapped = mapped_of(text_of(host.proc + "/self/uid_map"), first, count);
    if (mapped < count)
        return {"uids", Verdict::failed,
                "this user namespace has " + std::to_string(mapped) + " of the uids " + range,
                "Give the container a uid map that has them (/proc/self/uid_map), or: " + cure};
    std::string line;
    std::ifstream users(host.etc + "/passwd");
    while (std::getline(users, line)) {
        const std::vector<std::uint64_t> numbers = numbers_of(line, ":", 2);
        if (!numbers.empty() && numbers[0] >= first && numbers[0] < end)
            return {"uids", Verdict::failed,
                    "user " + line.substr(0, line.find(':')) + " has one of the sessions' uids, " + range,
                    cure};
    }
    std::ifstream given(host.etc + "/subuid");
    while (std::getline(given, line)) {
        const std::vector<std::uint64_t> numbers = numbers_of(line, ":", 1);
        if (numbers.size() == 2 && numbers[0] < end && numbers[0] + numbers[1] > first)
            return {"uids", Verdict::warning,
                    host.etc + "/subuid gives " + line.substr(0, line.find(':')) +
                        " some of the sessions' uids, " + range,
                    cure};
    }
    return {"uids", Verdict::good, range, {}};
}

/// By the kernel's list of IPv6 addresses, which is not there where it has no IPv6 (proc_net(5)).
void check_addresses(const policy::Site& site, const HostView& host, std::vector<Check>& checks) {
    const std::string addresses = text_of(host.proc + "/net/if_inet6");
    for (const std::string& text : site.listen_tcp) {
        if (!text.starts_with("["))
            continue;
        const bool is_loopback = text.starts_with("[::1]");
        if (addresses.empty() ||
            (is_loopback && addresses.find("00000000000000000000000000000001 ") == std::string::npos))
            checks.push_back({"listen_tcp", Verdict::failed,
                              text + (addresses.empty() ? ": this host has no IPv6"
                                                        : ": lo has no ::1 (net.ipv6.conf.lo.disable_ipv6)"),
                              "Use 127.0.0.1 in listen_tcp, or switch IPv6 on."});
    }
}

/// The process that listens there; "self" where none does, or this user may not ask.
std::string pid_of_launcher(const std::string& socket) {
    try {
        const UniqueFd connection = protocol::connect_packet_socket(socket);
        return connection ? std::to_string(protocol::peer_credentials(connection.get()).pid) : "self";
    } catch (const Error&) {
        return "self";
    }
}

/// Of the launcher where it runs, else of this process, as what is started from here inherits it.
void check_limits(const std::string& pid, const HostView& host, std::vector<Check>& checks) {
    const std::vector<LowLimit> low = low_limits(pid, host.proc);
    for (const LowLimit& limit : low)
        checks.push_back({"limits", Verdict::warning,
                          limit.what + (pid == "self" ? " here" : " for sandbox-launcher"), limit.cure});
    if (low.empty())
        checks.push_back({"limits", Verdict::good, "no hard limit is too low", {}});
}

/// A session costs manager and launcher some descriptors each: pidfd, cgroup files, connections.
Check check_descriptors(const policy::Site& site, const HostView& host) {
    constexpr std::uint64_t kOfSession = 16, kBesides = 512;
    const std::uint64_t sessions = site.admission.max_sessions.value_or(site.slots);
    const std::uint64_t wanted = sessions * kOfSession + kBesides;
    if (host.descriptors >= wanted)
        return {"descriptors", Verdict::good, std::to_string(host.descriptors) + " a process", {}};
    return {"descriptors", Verdict::warning,
            std::to_string(host.descriptors) + " a process are too few for " + std::to_string(sessions) +
                " sessions",
            "Set LimitNOFILE=" + std::to_string(wanted) +
                " or more for sandboxd and sandbox-launcher (ulimit -Hn)."};
}

Check check_disk(const policy::Site& site) {
    struct statvfs status {};
    if (::statvfs(site.state_dir.c_str(), &status) != 0)
        return {"disk", Verdict::warning, site.state_dir + " is not there yet",
                "The launcher makes it when it starts."};
    const Bytes free{std::uint64_t{status.f_bavail} * status.f_frsize};
    const std::uint64_t wanted = site.admission.disk_free_min.value_or(Bytes{0}).value;
    const std::string detail = short_bytes(static_cast<double>(free.value)) + " free in " + site.state_dir;
    if (free.value >= wanted)
        return {"disk", Verdict::good, detail, {}};
    return {"disk", Verdict::failed,
            detail + ", and no session starts below " + short_bytes(static_cast<double>(wanted)),
            "Make room there, or lower admission.disk_free_min."};
}

} // namespace

std::vector<Check> check_site(const std::string& config, const HostView& host) {
    std::vector<Check> checks;
    policy::Site site;
    if (!std::filesystem::exists(config)) {
        checks.push_back({"settings", Verdict::warning, config + " is not there: defaults are used",
                          "Copy " +
                              std::filesystem::path(policy::installed_policies())
                                  .replace_filename("sandboxd.toml")
                                  .string() +
                              " there: it has every setting, commented out at its default."});
    } else {
        try {
            site = policy::load_site(config, policy::Trust::any_owner);
            checks.push_back({"settings", Verdict::good, config, {}});
        } catch (const Error& error) {
            checks.push_back(failed("settings", error));
            return checks;
        }
    }
    checks.push_back(check_delegation(site, host));
    checks.push_back(check_uids(site, host));
    check_addresses(site, host, checks);
    check_limits(pid_of_launcher(site.run_dir + "/launcher.sock"), host, checks);
    checks.push_back(check_descriptors(site, host));
    checks.push_back(check_disk(site));
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
        checks.push_back({"launcher", Verdict::failed, socket + " is not there", start_cure(host)});
    return checks;
}

} // namespace sandbox::ctl
