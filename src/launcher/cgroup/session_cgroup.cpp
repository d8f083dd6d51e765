#include "launcher/cgroup/session_cgroup.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/kernel/namespace.hpp"

#include <algorithm>
#include <array>

namespace sandbox::launcher {
namespace {

constexpr std::array kHandedDown{"cpu", "io", "memory", "pids"};

} // namespace

SessionCgroup::SessionCgroup(const SandboxSpec& spec, const kernel::CgroupDir& tenant)
    : tenant_(&tenant),
      name_(spec.session),
      session_(tenant.create_child(spec.session)) {
    try {
        session_.create_child("init");
        session_.create_child("payload");
        name_space_ = kernel::new_cgroup_namespace(session_.fd());
        // Who made it was in the folder. A group with processes of its own cannot hand controllers down
        // (cgroup-v2.rst, no internal process constraint), and an empty one does it without a grace period.
        if (!session_.wait_unpopulated(std::chrono::seconds(2)))
            throw Error(Errc::io, "the cgroup " + session_.path() + " does not become empty");
        write_limits(spec);
    } catch (...) {
        tenant.remove_child(name_);
        throw;
    }
}

void SessionCgroup::write_limits(const SandboxSpec& spec) {
    const std::vector<std::string> offered = session_.controllers();
    std::vector<std::string> handed_down;
    for (const char* name : kHandedDown)
        if (std::ranges::find(offered, name) != offered.end())
            handed_down.emplace_back(name);
    session_.enable_controllers(handed_down);
    for (const CgroupSetting& setting : spec.cgroup) {
        if (!setting.controller.empty() && std::ranges::find(offered, setting.controller) == offered.end()) {
            if (spec.strict)
                throw Error(Errc::unsupported,
                            "policy " + spec.policy + " sets " + setting.file +
                                ", but the cgroup controller " + setting.controller +
                                " is not available in " + tenant_->path(),
                            "boot with the unified cgroup hierarchy (systemd.unified_cgroup_hierarchy=1) and "
                            "delegate the controller, or set enforcement = \"best-effort\" in the policy",
                            "resources.enforcement");
            not_enforced_.push_back(setting.file + ": controller " + setting.controller + " is missing");
            continue;
        }
        if (setting.group == Group::session)
            session_.write(setting.file.c_str(), setting.value);
        else
            session_.open_child(setting.group == Group::init ? "init" : "payload")
                .write(setting.file.c_str(), setting.value);
    }
}

SessionCgroup::SessionCgroup(SessionCgroup&& other) noexcept
    : tenant_(other.tenant_),
      name_(std::move(other.name_)),
      session_(std::move(other.session_)),
      name_space_(std::move(other.name_space_)),
      not_enforced_(std::move(other.not_enforced_)) {}

SessionCgroup::~SessionCgroup() {
    if (!session_)
        return;
    try {
        if (!destroy_cgroup(*tenant_, name_, std::chrono::seconds(2)))
            log::error({.session = name_}, "the cgroup " + session_.path() +
                                               " still holds a process that the kernel does not end");
    } catch (const Error& error) {
        log::error({.session = name_}, "cannot remove the cgroup " + session_.path() + ": " + error.what());
    }
}

bool destroy_cgroup(const kernel::CgroupDir& parent, const std::string& name, Duration timeout) {
    if (!parent.has_child(name))
        return true;
    const kernel::CgroupDir group = parent.open_child(name);
    group.kill();
    return group.wait_unpopulated(timeout) && parent.remove_child(name);
}

} // namespace sandbox::launcher
