#include "sandbox/policy/settings_diff.hpp"

namespace sandbox::policy {
namespace {

/// One word for each setting: whether a running manager takes it, its name, and what it is in both.
template <typename Visit>
void visit_settings(Site& a, const Site& b, const Visit& visit) {
    constexpr bool kLive = true, kAtStart = false;
    visit(kAtStart, "policies_dir", a.policies_dir, b.policies_dir);
    visit(kAtStart, "vendor_policies_dir", a.vendor_policies_dir, b.vendor_policies_dir);
    visit(kAtStart, "tenants_dir", a.tenants_dir, b.tenants_dir);
    visit(kAtStart, "run_dir", a.run_dir, b.run_dir);
    visit(kAtStart, "state_dir", a.state_dir, b.state_dir);
    visit(kAtStart, "manager_user", a.manager_user, b.manager_user);
    visit(kAtStart, "cgroup_driver", a.cgroup_driver, b.cgroup_driver);
    visit(kAtStart, "cgroup_mount", a.cgroup_mount, b.cgroup_mount);
    visit(kAtStart, "cgroup_base", a.cgroup_base, b.cgroup_base);
    visit(kAtStart, "slots", a.slots, b.slots);
    visit(kAtStart, "uid_base", a.uid_base, b.uid_base);
    visit(kLive, "on_stop", a.on_stop, b.on_stop);
    visit(kAtStart, "audit.keep", a.audit.keep, b.audit.keep);
    visit(kAtStart, "audit.size", a.audit.size, b.audit.size);
    visit(kLive, "logs.keep", a.logs.keep, b.logs.keep);
    visit(kLive, "logs.size_per_tenant", a.logs.size_per_tenant, b.logs.size_per_tenant);
    visit(kLive, "logs.size", a.logs.size, b.logs.size);
    SiteAdmission& mine = a.admission;
    const SiteAdmission& other = b.admission;
    visit(kLive, "admission.max_sessions", mine.max_sessions, other.max_sessions);
    visit(kLive, "admission.memory_budget", mine.memory_budget, other.memory_budget);
    visit(kLive, "admission.memory_overcommit", mine.memory_overcommit, other.memory_overcommit);
    visit(kLive, "admission.starts_at_once", mine.starts_at_once, other.starts_at_once);
    visit(kLive, "admission.queue_length", mine.queue_length, other.queue_length);
    visit(kLive, "admission.queue_timeout", mine.queue_timeout, other.queue_timeout);
    visit(kLive, "admission.memory_available_min", mine.memory_available_min, other.memory_available_min);
    visit(kLive, "admission.memory_pressure_max", mine.memory_pressure_max, other.memory_pressure_max);
    visit(kLive, "admission.io_pressure_max", mine.io_pressure_max, other.io_pressure_max);
    visit(kLive, "admission.disk_free_min", mine.disk_free_min, other.disk_free_min);
    visit(kLive, "admission.descriptors_free_min", mine.descriptors_free_min, other.descriptors_free_min);
    visit(kAtStart, "listen_unix", a.listen_unix, b.listen_unix);
    visit(kAtStart, "listen_tcp", a.listen_tcp, b.listen_tcp);
    visit(kAtStart, "listen_insecure", a.listen_insecure, b.listen_insecure);
    // Where they are; a new certificate in the same files is read with any reload.
    SiteTls files = a.tls.value_or(SiteTls{});
    const SiteTls other_files = b.tls.value_or(SiteTls{});
    visit(kAtStart, "tls.certificate", files.certificate, other_files.certificate);
    visit(kAtStart, "tls.key", files.key, other_files.key);
    visit(kLive, "host_names", a.host_names, b.host_names);
    visit(kLive, "admin_group", a.admin_group, b.admin_group);
    visit(kLive, "admin_token_hashes", a.admin_token_hashes, b.admin_token_hashes);
}

} // namespace

SiteChange compare(const Site& in_force, const Site& next) {
    SiteChange change;
    Site mine = in_force;
    visit_settings(mine, next, [&](bool live, const char* name, const auto& a, const auto& b) {
        if (!(a == b))
            (live ? change.applied : change.restart).emplace_back(name);
    });
    return change;
}

void apply(Site& in_force, const Site& next) {
    visit_settings(in_force, next, [](bool live, const char* /*name*/, auto& a, const auto& b) {
        if (live)
            a = b;
    });
}

std::vector<std::string> known_settings() {
    std::vector<std::string> names;
    Site any;
    visit_settings(any, any, [&](bool /*live*/, const char* name, const auto& /*a*/, const auto& /*b*/) {
        names.emplace_back(name);
    });
    return names;
}

} // namespace sandbox::policy
