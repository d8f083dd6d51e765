#include "sandbox/launcher/session_cgroup.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"

#include <algorithm>
#include <array>

namespace sandbox::launcher {
namespace {

constexpr std::array kHandedDown{"cpu", "io", "memory", "pids"};

} // namespace

SessionCgroup::SessionCgroup(const Blueprint& plan, const kernel::CgroupDir& tenant)
    : tenant_(&tenant),
      name_(plan.session),
      session_(tenant.create_child(plan.session)) {
    try {
        const std::vector<std::string> offered = session_.controllers();
        for (const char* name : kHandedDown)
            if (std::ranges::find(offered, name) != offered.end())
                controllers_.emplace_back(name);
        for (const CgroupSetting& setting : plan.cgroup) {
            if (!setting.controller.empty() &&
                std::ranges::find(offered, setting.controller) == offered.end()) {
                if (plan.strict)
                    throw Error(Errc::unsupported,
                                "policy " + plan.policy + " sets " + setting.file +
                                    ", but the cgroup controller " + setting.controller +
                                    " is not available in " + tenant.path(),
                                "boot with the unified cgroup hierarchy (systemd.unified_cgroup_hierarchy=1) "
                                "and delegate the "
                                "controller, or set enforcement = \"best-effort\" in the policy",
                                "resources.enforcement");
                not_enforced_.push_back(setting.file + ": controller " + setting.controller + " is missing");
                continue;
            }
            if (setting.group == Group::session)
                session_.write(setting.file.c_str(), setting.value);
        }
        session_.create_child("init");
        session_.create_child("payload");
    } catch (...) {
        tenant.remove_child(name_);
        throw;
    }
}

SessionCgroup::SessionCgroup(SessionCgroup&& other) noexcept
    : tenant_(other.tenant_),
      name_(std::move(other.name_)),
      session_(std::move(other.session_)),
      controllers_(std::move(other.controllers_)),
      not_enforced_(std::move(other.not_enforced_)) {}

SessionCgroup::~SessionCgroup() {
    if (!session_)
        return;
    try {
        if (!destroy_cgroup(*tenant_, name_, std::chrono::seconds(2)))
            log::error("the cgroup " + session_.path() +
                       " still holds a process that the kernel does not end");
    } catch (const Error& error) {
        log::error("cannot remove the cgroup " + session_.path() + ": " + error.what());
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
