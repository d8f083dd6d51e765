#include "launcher/spec/sandbox_spec.hpp"

#include <array>

#include <nlohmann/json.hpp>

namespace sandbox::launcher {
namespace {

using nlohmann::json;

constexpr std::array kGroupNames{"session", "init", "payload"};

} // namespace

std::string to_json(const SandboxSpec& spec) {
    json cgroup = json::array(), binds = json::array(), symlinks = json::array(), tmpfs = json::array(),
         files = json::object(), limits = json::array();
    for (const CgroupSetting& setting : spec.cgroup)
        cgroup.push_back({{"group", kGroupNames.at(static_cast<std::size_t>(setting.group))},
                          {"file", setting.file},
                          {"value", setting.value}});
    for (const BindMount& bind : spec.binds)
        binds.push_back({{"source", bind.source}, {"target", bind.target}, {"read_only", !bind.device}});
    for (const Symlink& link : spec.symlinks)
        symlinks.push_back({{"path", link.path}, {"text", link.text}});
    for (const TmpfsMount& mount : spec.tmpfs)
        tmpfs.push_back(
            {{"target", mount.target}, {"size_bytes", mount.size.value}, {"inodes", mount.inodes}});
    for (const GeneratedFile& file : spec.files)
        files[file.path] = file.content;
    for (const ResourceLimit& limit : spec.limits)
        limits.push_back({{"resource", limit.resource}, {"value", limit.value}});
    const json all{
        {"policy", spec.policy},
        {"digest", spec.digest},
        {"tenant", spec.tenant},
        {"slot", spec.slot},
        {"host_uid", spec.uid},
        {"inside_uid", kInsideUid},
        {"network",
         {{"link", spec.link},
          {"near_address", spec.near_address},
          {"address", spec.address},
          {"port", spec.port},
          {"publish", spec.publish}}},
        {"enforcement", spec.strict ? "strict" : "best-effort"},
        {"cgroup", cgroup},
        {"binds", binds},
        {"symlinks", symlinks},
        {"tmpfs", tmpfs},
        {"private_directories", spec.private_directories},
        {"masked_paths", spec.masked_paths},
        {"read_only_paths", spec.read_only_paths},
        {"files", files},
        {"rlimits", limits},
        {"seccomp", {{"profile", spec.seccomp_name}, {"rules", spec.seccomp.rules.size()}}},
        {"executable", spec.executable},
        {"stand_in", spec.stand_in},
        {"argv", spec.argv},
        {"environment", spec.environment},
        {"cwd", spec.cwd},
        {"log_bytes", spec.log_size.value},
    };
    return all.dump(2, ' ', false, json::error_handler_t::replace);
}

} // namespace sandbox::launcher
