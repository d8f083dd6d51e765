#include "sandbox/launcher/inspect.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/kernel/namespace.hpp"

#include <array>
#include <sstream>

#include <nlohmann/json.hpp>

namespace sandbox::launcher {
namespace {

using nlohmann::json;
namespace file = kernel::cgroup_file;

constexpr std::array kNamespaces{"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"};
constexpr std::array kCgroupFiles{
    file::kMemoryCurrent, file::kMemoryPeak,   file::kMemoryMax,      file::kMemoryHigh,
    file::kMemorySwapMax, file::kMemoryEvents, file::kMemoryOomGroup, file::kMemoryPressure,
    file::kCpuMax,        file::kCpuWeight,    file::kCpuStat,        file::kCpuPressure,
    file::kPidsCurrent,   file::kPidsMax,      file::kIoPressure,     file::kMaxDescendants,
    file::kFreeze,        file::kEvents,       file::kControllers};
constexpr std::size_t kMaxProcesses = 256, kMaxMounts = 256;

std::string read_or_empty(const std::string& path) {
    try {
        std::string text = read_file(path, 1 << 20);
        while (text.ends_with('\n'))
            text.pop_back();
        return text;
    } catch (const Error&) {
        return {}; // it ended meanwhile
    }
}

std::vector<std::string> lines_of(const std::string& text, std::size_t most) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; lines.size() < most && std::getline(stream, line);)
        lines.push_back(std::move(line));
    return lines;
}

json group_json(const kernel::CgroupDir& group) {
    json files = json::object();
    for (const char* name : kCgroupFiles)
        if (group.has_file(name)) {
            std::string text = group.read(name);
            while (text.ends_with('\n'))
                text.pop_back();
            files[name] = std::move(text);
        }
    return files;
}

/// The words of a text with one space between them: proc(5) pads with tabs and spaces.
std::string one_spaced(const std::string& text) {
    std::istringstream words(text);
    std::string all;
    for (std::string word; words >> word;)
        all += (all.empty() ? "" : " ") + word;
    return all;
}

/// One field of /proc/PID/status, without its name.
std::string status_field(const std::string& status, const std::string& name) {
    for (const std::string& line : lines_of(status, 100))
        if (line.starts_with(name + ":"))
            return one_spaced(line.substr(name.size() + 1));
    return {};
}

json processes_json(const Sandbox& sandbox) {
    json list = json::array();
    for (const char* group : {"init", "payload"})
        for (const pid_t pid : sandbox.cgroup.open_child(group).processes()) {
            if (list.size() == kMaxProcesses)
                return list;
            const std::string proc = "/proc/" + std::to_string(pid) + "/";
            const std::string status = read_or_empty(proc + "status");
            list.push_back({{"pid", pid},
                            {"group", group},
                            {"name", status_field(status, "Name")},
                            {"state", status_field(status, "State")},
                            {"threads", status_field(status, "Threads")},
                            {"resident", status_field(status, "VmRSS")}});
        }
    return list;
}

json namespaces_json(const std::string& proc) {
    json all = json::object();
    for (const char* kind : kNamespaces) {
        const std::string link = "ns/" + std::string(kind);
        std::array<char, 64> text{};
        const auto read = [&](const std::string& folder) {
            const ssize_t length = ::readlink((folder + link).c_str(), text.data(), text.size());
            return std::string(text.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
        };
        const std::string own = read(proc);
        all[kind] = {{"id", own}, {"private", !own.empty() && own != read("/proc/self/")}};
    }
    return all;
}

json mounts_json(const std::string& proc) {
    json list = json::array();
    for (const std::string& line : lines_of(read_or_empty(proc + "mountinfo"), kMaxMounts)) {
        // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue (proc(5))
        std::istringstream fields(line);
        std::string id, parent, device, root, target, options, skipped, type, source, super;
        fields >> id >> parent >> device >> root >> target >> options;
        while (fields >> skipped && skipped != "-") {
        }
        fields >> type >> source >> super;
        list.push_back(
            {{"target", target}, {"root", root}, {"options", options}, {"type", type}, {"super", super}});
    }
    return list;
}

json addresses_json(const std::string& proc) {
    json interfaces = json::array();
    for (const std::string& line : lines_of(read_or_empty(proc + "net/dev"), 64))
        if (const std::size_t colon = line.find(':'); colon != std::string::npos) {
            const std::size_t start = line.find_first_not_of(' ');
            interfaces.push_back(line.substr(start, colon - start));
        }
    return {{"interfaces", interfaces},
            {"fib_trie", read_or_empty(proc + "net/fib_trie")},
            {"ipv6", read_or_empty(proc + "net/if_inet6")}};
}

} // namespace

std::string inspect(const Sandbox& sandbox) {
    pid_t subject = find_engine(sandbox.cgroup, static_cast<pid_t>(sandbox.facts.init_pid));
    if (subject == 0)
        subject = static_cast<pid_t>(sandbox.facts.init_pid);
    const std::string proc = "/proc/" + std::to_string(subject) + "/";
    const std::string status = read_or_empty(proc + "status");
    json timeline = json::array();
    for (const protocol::TimelineEntry& entry : sandbox.facts.timeline)
        timeline.push_back({{"step", entry.step}, {"microseconds", entry.microseconds}});
    const json all{
        {"session", sandbox.facts.session},
        {"tenant", sandbox.facts.tenant},
        {"policy", sandbox.facts.policy},
        {"init_pid", sandbox.facts.init_pid},
        {"pid", subject},
        {"cgroup",
         {{"path", sandbox.cgroup.path()},
          {"files", group_json(sandbox.cgroup)},
          {"payload", group_json(sandbox.cgroup.open_child("payload"))},
          {"init", group_json(sandbox.cgroup.open_child("init"))}}},
        {"processes", processes_json(sandbox)},
        {"namespaces", namespaces_json(proc)},
        {"mounts", mounts_json(proc)},
        {"address", sandbox.facts.address},
        {"addresses", addresses_json(proc)},
        {"uid_map", one_spaced(read_or_empty(proc + "uid_map"))},
        {"gid_map", one_spaced(read_or_empty(proc + "gid_map"))},
        {"uid", status_field(status, "Uid")},
        {"seccomp", status_field(status, "Seccomp")},
        {"seccomp_filters", status_field(status, "Seccomp_filters")},
        {"no_new_privs", status_field(status, "NoNewPrivs")},
        {"capabilities",
         {{"inheritable", status_field(status, "CapInh")},
          {"permitted", status_field(status, "CapPrm")},
          {"effective", status_field(status, "CapEff")},
          {"bounding", status_field(status, "CapBnd")},
          {"ambient", status_field(status, "CapAmb")}}},
        {"limits", lines_of(read_or_empty(proc + "limits"), 32)},
        {"not_enforced", sandbox.facts.not_enforced},
        {"timeline", timeline},
    };
    return all.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace sandbox::launcher
