#include "launcher/records/expectations.hpp"

#include "launcher/records/session_dir.hpp"
#include "launcher/spec/limit_name.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"

#include <array>

#include <nlohmann/json.hpp>
#include <sys/resource.h>

namespace sandbox::launcher {
namespace {

using nlohmann::json;

constexpr std::array kGroupNames{"session", "init", "payload"};

json setting_json(const CgroupSetting& setting) {
    return {{"group", kGroupNames.at(static_cast<std::size_t>(setting.group))},
            {"file", setting.file},
            {"value", setting.value},
            {"controller", setting.controller}};
}

json limit_json(const ResourceLimit& limit, pid_t init) {
    json entry{{"name", limit_name(limit.resource).file_title}, {"value", limit.value}};
    rlimit given{};
    if (::prlimit(init, static_cast<__rlimit_resource>(limit.resource), nullptr, &given) == 0)
        entry["given"] = given.rlim_cur;
    return entry;
}

json mount_json(const std::string& target, const char* type, std::vector<std::string> options) {
    return {{"target", target}, {"type", type}, {"options", std::move(options)}};
}

/// Those of root_fs.cpp: what is made there is what is promised. A bind shows the file system of its source.
json mounts_json(const SandboxSpec& spec) {
    json root = mount_json("/", "tmpfs", {"ro", "nosuid", "nodev"});
    root["size_bytes"] = 4 << 20;
    json dev = mount_json("/dev", "tmpfs", {"ro", "nosuid", "noexec"});
    dev["size_bytes"] = 64 << 10;
    json mounts = json::array({root, dev, mount_json("/proc", "proc", {"nosuid", "nodev", "noexec"})});
    for (const std::string& path : spec.read_only_paths)
        mounts.push_back(mount_json(path, "proc", {"ro", "nosuid", "nodev", "noexec"}));
    for (const TmpfsMount& tmpfs : spec.tmpfs) {
        json mount = mount_json(tmpfs.target, "tmpfs", {"rw", "nosuid", "nodev"});
        if (tmpfs.target == "/dev/shm")
            mount["options"].push_back("noexec");
        mount["size_bytes"] = tmpfs.size.value;
        mount["inodes"] = tmpfs.inodes;
        mounts.push_back(std::move(mount));
    }
    return mounts;
}

std::string promise_path(const LauncherContext& context, const std::string& session) {
    return run_folder(context, session) + "/promise.json";
}

std::string text_of(const json& promise) {
    return promise.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace

std::string promise_json(const SandboxSpec& spec, pid_t init) {
    json cgroup = json::array(), limits = json::array(), binds = json::array();
    for (const CgroupSetting& setting : spec.cgroup)
        cgroup.push_back(setting_json(setting));
    for (const ResourceLimit& limit : spec.limits)
        limits.push_back(limit_json(limit, init));
    for (const BindMount& bind : spec.binds)
        binds.push_back({{"target", bind.target}, {"device", bind.device}});
    return text_of({{"policy", spec.policy},
                    {"digest", spec.digest},
                    {"strict", spec.strict},
                    {"host_uid", spec.uid},
                    {"inside_uid", kInsideUid},
                    {"near_address", spec.near_address},
                    {"address", spec.address},
                    {"publish", spec.publish},
                    {"cgroup", std::move(cgroup)},
                    {"limits", std::move(limits)},
                    {"mounts", mounts_json(spec)},
                    {"binds", std::move(binds)},
                    {"masked_paths", spec.masked_paths},
                    {"seccomp_profile", spec.seccomp_name},
                    {"learns", spec.learns},
                    {"oom_score_adj", kOomScore}});
}

void write_expectations(const LauncherContext& context, const SandboxSpec& spec, pid_t init) {
    write_file_atomically(promise_path(context, spec.session), promise_json(spec, init), 0600);
}

void change_expectations(const LauncherContext& context, const std::string& session,
                         const std::vector<CgroupSetting>& changed) {
    json promise = json::parse(read_expectations(context, session), nullptr, false);
    if (!promise.is_object())
        return;
    for (const CgroupSetting& setting : changed) {
        const json entry = setting_json(setting);
        std::erase_if(promise["cgroup"].get_ref<json::array_t&>(), [&](const json& old) {
            return old["group"] == entry["group"] && old["file"] == entry["file"];
        });
        promise["cgroup"].push_back(entry);
    }
    write_file_atomically(promise_path(context, session), text_of(promise), 0600);
}

std::string read_expectations(const LauncherContext& context, const std::string& session) {
    try {
        return read_file(promise_path(context, session), 1 << 20);
    } catch (const Error&) {
        return {};
    }
}

} // namespace sandbox::launcher
