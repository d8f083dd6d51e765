#pragma once

#include "launcher/cgroup/driver.hpp"

#include <list>
#include <map>
#include <set>

#include <systemd/sd-bus.h>

namespace sandbox::launcher {

/// chimerax.slice / chimerax-TENANT.slice / chimerax-TENANT.scope. The slice carries the tenant's limits, so
/// that `systemctl set-property` and `systemd-cgtop` work on it; the scope is delegated, so that what is
/// below it is the launcher's own. No bus call is waited for (org.freedesktop.systemd1(5),
/// CGROUP_DELEGATION.md).
class SystemdDriver {
  public:
    SystemdDriver(const policy::Site& site, std::function<pid_t()> start_holder);
    ~SystemdDriver();
    SystemdDriver(const SystemdDriver&) = delete;
    SystemdDriver& operator=(const SystemdDriver&) = delete;

    int poll_fd() const;
    short poll_events() const;
    std::optional<Duration> poll_timeout() const;
    void process();

    void tenant_group(const policy::Tenant& tenant, TenantGroupDone done);
    void release_tenant(const std::string& tenant);
    std::vector<std::string> tenants() const;
    kernel::CgroupDir open_tenant(const std::string& tenant) const;

  private:
    struct Job; ///< one tenant's way to its scope
    struct CloseBus {
        void operator()(sd_bus* bus) const;
    };

    void connect();
    void disconnect(const Error& why);
    using Answer = int (*)(sd_bus_message*, void*, sd_bus_error*);
    void call(Job& job, sd_bus_message* message, Answer answer);
    void start(Job& job);
    void start_slice(Job& job);
    void update_slice(Job& job);
    void enter_slice(Job& job);
    void start_scope(Job& job);
    void settle(Job& job);
    void fail(Job& job, const Error& error);
    void end_overdue();
    bool is_populated(const std::string& tenant) const;
    std::string slice_path(const std::string& tenant) const;
    std::string scope_path(const std::string& tenant) const;

    static int on_slice_reply(sd_bus_message* message, void* job, sd_bus_error* error);
    static int on_update_reply(sd_bus_message* message, void* job, sd_bus_error* error);
    static int on_scope_reply(sd_bus_message* message, void* job, sd_bus_error* error);
    static int on_job_removed(sd_bus_message* message, void* driver, sd_bus_error* error);

    std::string mount_;
    std::function<pid_t()> start_holder_;
    std::unique_ptr<sd_bus, CloseBus> bus_;
    std::list<std::unique_ptr<Job>> jobs_;
    std::set<std::string> stopping_; ///< tenants whose slice is on its way out
    /// The limits that were given to a tenant's slice last. The same are not given again: what `systemctl
    /// set-property` gave it since stays, and cannot be told from ours, as the slice is transient.
    std::map<std::string, std::map<std::string, std::uint64_t>> given_;
};

} // namespace sandbox::launcher
