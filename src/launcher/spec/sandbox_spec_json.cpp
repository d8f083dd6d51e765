#include "launcher/spec/sandbox_spec.hpp"

#include <array>

#include <nlohmann/json.hpp>

namespace sandbox::launcher {
namespace {

using nlohmann::json;

constexpr std::array kGroupNames{"session", "init", "payload"};

} // namespace

std::string to_json(const Blueprint& plan) {
    json cgroup = json::array(), binds = json::array(), symlinks = json::array(), tmpfs = json::array(),
         files = json::object(), limits = json::array();
    for (const CgroupSetting& setting : plan.cgroup)
        cgroup.push_back({{"group", kGroupNames.at(static_cast<std::size_t>(setting.group))},
                          {"file", setting.file},
                          {"value", setting.value}});
    for (const BindMount& bind : plan.binds)
        binds.push_back({{"source", bind.source}, {"target", bind.target}, {"read_only", !bind.device}});
    for (const Symlink& link : plan.symlinks)
        symlinks.push_back({{"path", link.path}, {"text", link.text}});
    for (const TmpfsMount& mount : plan.tmpfs)
        tmpfs.push_back(
            {{"target", mount.target}, {"size_bytes", mount.size.value}, {"inodes", mount.inodes}});
    for (const GeneratedFile& file : plan.files)
        files[file.path] = file.content;
    for (const ResourceLimit& limit : plan.limits)
        limits.push_back({{"resource", limit.resource}, {"value", limit.value}});
    const json all{
        {"policy", plan.policy},
        {"digest", plan.digest},
        {"tenant", plan.tenant},
        {"slot", plan.slot},
        {"host_uid", plan.uid},
        {"inside_uid", kInsideUid},
        {"network",
         {{"link", plan.link},
          {"near_address", plan.near_address},
          {"address", plan.address},
          {"port", plan.port},
          {"publish", plan.publish}}},
        {"enforcement", plan.strict ? "strict" : "best-effort"},
        {"cgroup", cgroup},
        {"binds", binds},
        {"symlinks", symlinks},
        {"tmpfs", tmpfs},
        {"private_directories", plan.private_directories},
        {"masked_paths", plan.masked_paths},
        {"read_only_paths", plan.read_only_paths},
        {"files", files},
        {"rlimits", limits},
        {"seccomp", {{"profile", plan.seccomp_name}, {"rules", plan.seccomp.rules.size()}}},
        {"executable", plan.executable},
        {"stand_in", plan.stand_in},
        {"argv", plan.argv},
        {"environment", plan.environment},
        {"cwd", plan.cwd},
        {"log_bytes", plan.log_size.value},
    };
    return all.dump(2, ' ', false, json::error_handler_t::replace);
}

} // namespace sandbox::launcher
