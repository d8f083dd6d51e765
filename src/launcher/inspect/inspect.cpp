#include "launcher/inspect/inspect.hpp"

#include "launcher/inspect/proc_dir.hpp"
#include "launcher/inspect/process_survey.hpp"
#include "launcher/records/expectations.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/kernel/namespace.hpp"

#include <array>
#include <set>
#include <sstream>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <unistd.h>

namespace sandbox::launcher {
namespace {

using nlohmann::json;
namespace file = kernel::cgroup_file;

constexpr std::array kCgroupFiles{
    file::kMemoryCurrent,     file::kMemoryPeak,     file::kMemoryMax,    file::kMemoryHigh,
    file::kMemorySwapCurrent, file::kMemorySwapMax,  file::kMemoryEvents, file::kMemoryOomGroup,
    file::kMemoryPressure,    file::kCpuMax,         file::kCpuWeight,    file::kCpuStat,
    file::kCpuPressure,       file::kPidsCurrent,    file::kPidsMax,      file::kIoStat,
    file::kIoPressure,        file::kMaxDescendants, file::kFreeze,       file::kEvents,
    file::kControllers,       file::kSubtreeControl};
constexpr std::size_t kMaxMounts = 256, kMaxFile = 4096, kMaxGroups = 16;

json group_json(const kernel::CgroupDir& group) {
    json files = json::object();
    for (const char* name : kCgroupFiles)
        if (group.has_file(name)) {
            std::string text = group.read(name).substr(0, kMaxFile);
            while (text.ends_with('\n'))
                text.pop_back();
            files[name] = std::move(text);
        }
    return files;
}

/// The groups below the session's: init and payload, and whatever else somebody made.
json below_json(const kernel::CgroupDir& session) {
    json names = json::array();
    for (const std::string& name : session.children()) {
        names.push_back(name);
        for (const std::string& inner : session.open_child(name).children())
            if (names.size() < kMaxGroups)
                names.push_back(name + "/" + inner);
        if (names.size() >= kMaxGroups)
            break;
    }
    return names;
}

json namespaces_json(const ProcDir& proc) {
    const std::optional<ProcDir> own = ProcDir::open(::getpid()), first = ProcDir::open(1);
    json all = json::object();
    for (const char* kind : kNamespaceKinds) {
        const std::string name = "ns/" + std::string(kind);
        const std::string id = proc.link(name);
        const bool of_host = (own && id == own->link(name)) || (first && id == first->link(name));
        all[kind] = {{"id", id}, {"private", !id.empty() && !of_host}};
    }
    return all;
}

struct Mounts {
    json list = json::array();
    std::set<std::string> ids;
    bool more = false;
};

Mounts read_mounts(const ProcDir& proc) {
    Mounts mounts;
    for (const std::string& line : lines_of(proc.read("mountinfo"), 4096)) {
        // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue (proc(5))
        std::istringstream fields(line);
        std::string id, parent, device, root, target, options, skipped, type, source, super;
        fields >> id >> parent >> device >> root >> target >> options;
        while (fields >> skipped && skipped != "-") {
        }
        fields >> type >> source >> super;
        mounts.ids.insert(id);
        if (mounts.list.size() == kMaxMounts)
            mounts.more = true;
        else
            mounts.list.push_back({{"target", target},
                                   {"root", root},
                                   {"options", options},
                                   {"type", type},
                                   {"super", super.substr(0, 256)}});
    }
    return mounts;
}

std::string address_text(const std::string& hex) {
    // As the kernel prints a __be32: the bytes of the address from the right (net/ipv4/fib_trie.c).
    const auto number = static_cast<in_addr_t>(std::strtoul(hex.c_str(), nullptr, 16));
    std::array<char, INET_ADDRSTRLEN> text{};
    return ::inet_ntop(AF_INET, &number, text.data(), text.size()) != nullptr ? text.data() : "";
}

json routes_json(const ProcDir& proc) {
    json routes = json::array();
    for (const std::string& line : lines_of(proc.read("net/route"), 64)) {
        std::istringstream fields(line);
        std::string device, to, via, flags, skipped, mask;
        fields >> device >> to >> via >> flags >> skipped >> skipped >> skipped >> mask;
        if (device == "Iface" || mask.empty())
            continue;
        routes.push_back({{"device", device},
                          {"to", address_text(to)},
                          {"mask", address_text(mask)},
                          {"via", address_text(via)}});
    }
    return routes;
}

/// Each address of the namespace is a local /32 of its table, and each table has a line of its own.
json addresses_json(const ProcDir& proc) {
    json interfaces = json::array();
    for (const std::string& line : lines_of(proc.read("net/dev"), 64))
        if (const std::size_t colon = line.find(':'); colon != std::string::npos) {
            const std::size_t start = line.find_first_not_of(' ');
            interfaces.push_back(line.substr(start, colon - start));
        }
    std::set<std::string> addresses, tables;
    const std::string trie = proc.read("net/fib_trie");
    std::string last;
    for (const std::string& line : lines_of(trie, 1024)) {
        const std::string text = one_spaced(line);
        if (text.ends_with(":"))
            tables.insert(text.substr(0, text.size() - 1));
        else if (text.starts_with("|-- "))
            last = text.substr(4);
        else if (text == "/32 host LOCAL")
            addresses.insert(last);
    }
    return {{"interfaces", interfaces},
            {"addresses", addresses},
            {"tables", tables},
            {"routes", routes_json(proc)},
            {"fib_trie", trie.substr(0, 8192)},
            {"ipv6", proc.read("net/if_inet6").substr(0, kMaxFile)}};
}

/// What the kernel says of the socket of the published port.
json published_json(const Sandbox& sandbox) {
    if (!sandbox.facts.published_port)
        return nullptr;
    json published{{"port", *sandbox.facts.published_port}, {"bound", nullptr}};
    sockaddr_in address{};
    socklen_t size = sizeof address;
    std::array<char, INET_ADDRSTRLEN> text{};
    if (sandbox.published &&
        ::getsockname(sandbox.published.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
        address.sin_family == AF_INET &&
        ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size()) != nullptr)
        published["bound"] = std::string(text.data()) + ":" + std::to_string(ntohs(address.sin_port));
    return published;
}

/// Null where the sandbox is about to end.
json nested_user_namespaces(pid_t pid) {
    try {
        return kernel::read_user_sysctl(kernel::open_namespace(pid, "user").get(),
                                        "user/max_user_namespaces");
    } catch (const Error&) {
        return nullptr;
    }
}

/// The promise, of the paths in /proc those that this kernel has.
json promise_of(const LauncherContext& context, const std::string& session) {
    json promise = json::parse(read_expectations(context, session), nullptr, false);
    if (!promise.is_object())
        return nullptr;
    json masked = json::array();
    for (const json& path : promise["masked_paths"])
        if (::access(path.get_ref<const std::string&>().c_str(), F_OK) == 0)
            masked.push_back(path);
    promise["masked_paths"] = std::move(masked);
    return promise;
}

json timeline_json(const Sandbox& sandbox) {
    json timeline = json::array();
    for (const protocol::TimelineEntry& entry : sandbox.facts.timeline)
        timeline.push_back({{"step", entry.step}, {"microseconds", entry.microseconds}});
    return timeline;
}

Error gone(const Sandbox& sandbox) {
    return {Errc::gone, "session " + sandbox.facts.session + " is ending, or ChimeraX is started again in it",
            "Ask again.", "session"};
}

/// What goes in one packet, in which it is a string: the lists that can be long give way.
std::string fitting(json& all) {
    constexpr std::size_t kRoom = protocol::kMaxPacket - 4096;
    for (;;) {
        std::string text = all.dump(-1, ' ', false, json::error_handler_t::replace);
        if (json(text).dump().size() <= kRoom)
            return text;
        all["truncated"] = true;
        for (const char* name : {"processes", "mounts"}) {
            auto& list = all[name].get_ref<json::array_t&>();
            list.resize(list.size() / 2);
        }
    }
}

} // namespace

std::string inspect(const LauncherContext& context, const Sandbox& sandbox) {
    const auto init = static_cast<pid_t>(sandbox.facts.init_pid);
    pid_t subject = find_engine(sandbox.cgroup, init);
    if (subject == 0)
        subject = init;
    const std::optional<ProcDir> proc = ProcDir::open(subject);
    if (!proc)
        throw gone(sandbox);
    Mounts mounts = read_mounts(*proc);
    json all = process_facts(sandbox, mounts.ids);
    all.update({
        {"session", sandbox.facts.session},
        {"tenant", sandbox.facts.tenant},
        {"policy", sandbox.facts.policy},
        {"init_pid", init},
        {"pid", subject},
        {"cgroup",
         {{"path", sandbox.cgroup.path()},
          {"below", below_json(sandbox.cgroup)},
          {"files", group_json(sandbox.cgroup)},
          {"payload", group_json(sandbox.cgroup.open_child("payload"))},
          {"init", group_json(sandbox.cgroup.open_child("init"))}}},
        {"namespaces", namespaces_json(*proc)},
        {"gateway", "net:[" + std::to_string(kernel::namespace_inode(context.gateway.get())) + "]"},
        {"mounts", std::move(mounts.list)},
        {"truncated", mounts.more},
        {"address", sandbox.facts.address},
        {"addresses", addresses_json(*proc)},
        {"published", published_json(sandbox)},
        {"uid_map", one_spaced(proc->read("uid_map"))},
        {"gid_map", one_spaced(proc->read("gid_map"))},
        {"uid", proc->status("Uid")},
        {"nested_user_namespaces", nested_user_namespaces(subject)},
        {"seccomp", proc->status("Seccomp")},
        {"seccomp_filters", proc->status("Seccomp_filters")},
        {"no_new_privs", proc->status("NoNewPrivs")},
        {"capabilities",
         {{"inheritable", proc->status("CapInh")},
          {"permitted", proc->status("CapPrm")},
          {"effective", proc->status("CapEff")},
          {"bounding", proc->status("CapBnd")},
          {"ambient", proc->status("CapAmb")}}},
        {"limits", lines_of(proc->read("limits"), 32)},
        {"not_enforced", sandbox.facts.not_enforced},
        {"promise", promise_of(context, sandbox.facts.session)},
        {"timeline", timeline_json(sandbox)},
    });
    // Of a process that ends meanwhile the kernel tells less and less: that is no broken promise.
    if (proc->link("ns/mnt").empty())
        throw gone(sandbox);
    return fitting(all);
}

} // namespace sandbox::launcher
