#pragma once

#include "launcher/spec/sandbox_spec.hpp"
#include "sandbox/kernel/cgroup.hpp"

#include <string>
#include <vector>

namespace sandbox::launcher {

/// A session's folder in its tenant's group with init/ and payload/ in it and all limits written. Killed and
/// removed again unless kept.
class SessionCgroup {
  public:
    /// `tenant` is the tenant's group. Throws Error unsupported, naming controller and cure, where a strict
    /// policy wants what the host lacks.
    SessionCgroup(const SandboxSpec& spec, const kernel::CgroupDir& tenant);
    ~SessionCgroup();
    SessionCgroup(SessionCgroup&& other) noexcept;
    SessionCgroup& operator=(SessionCgroup&&) = delete;

    const kernel::CgroupDir& session() const { return session_; }
    /// A cgroup namespace with the session's folder as its root.
    int name_space() const { return name_space_.get(); }
    const std::vector<std::string>& not_enforced() const { return not_enforced_; }
    kernel::CgroupDir keep() { return std::move(session_); }

  private:
    void write_limits(const SandboxSpec& spec);

    const kernel::CgroupDir* tenant_;
    std::string name_;
    kernel::CgroupDir session_;
    UniqueFd name_space_;
    std::vector<std::string> not_enforced_;
};

/// Kills what is in the group, waits until it is empty, removes it. False when the kernel could not end a
/// process in time.
bool destroy_cgroup(const kernel::CgroupDir& parent, const std::string& name, Duration timeout);

} // namespace sandbox::launcher
