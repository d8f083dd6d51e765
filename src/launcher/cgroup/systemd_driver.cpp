#include "launcher/cgroup/systemd_driver.hpp"

#include "launcher/cgroup/bus_message.hpp"
#include "launcher/cgroup/slice_limits.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/protocol/init_config.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include <poll.h>

namespace sandbox::launcher {
namespace {

using namespace std::chrono_literals;

constexpr const char* kUnitExists = "org.freedesktop.systemd1.UnitExists";
constexpr Duration kBusTime = 25s;

std::string slice_name(const std::string& tenant) {
    return "chimerax-" + tenant + ".slice";
}
std::string scope_name(const std::string& tenant) {
    return "chimerax-" + tenant + ".scope";
}

std::map<std::string, std::uint64_t> limits_of(const policy::Tenant& tenant) {
    const std::string folder = "/" + slice_name(tenant.name) + ".d";
    return slice_limits(tenant,
                        settings_in({"/etc/systemd/system.control" + folder, "/etc/systemd/system" + folder,
                                     "/etc/systemd/system/chimerax-.slice.d"})); // of all tenants
}

void append_limits(sd_bus_message* message, const std::map<std::string, std::uint64_t>& limits) {
    for (const auto& [name, value] : limits)
        check(::sd_bus_message_append(message, "(sv)", name.c_str(), "t", value), name);
}

} // namespace

struct SystemdDriver::Job {
    SystemdDriver* driver;
    policy::Tenant tenant;
    std::vector<TenantGroupDone> done;
    BootClock::time_point deadline;
    struct Cancel {
        void operator()(sd_bus_slot* slot) const { ::sd_bus_slot_unref(slot); }
    };
    std::unique_ptr<sd_bus_slot, Cancel> call;   ///< the one under way: no answer comes to a job that is gone
    std::map<std::string, std::uint64_t> limits; ///< what its slice is to have
    pid_t holder = 0;
    bool started = false, finished = false;
};

void SystemdDriver::CloseBus::operator()(sd_bus* bus) const {
    ::sd_bus_close(bus); // without a flush: the other side may be what hangs
    ::sd_bus_unref(bus);
}

SystemdDriver::SystemdDriver(const policy::Site& site, std::function<pid_t()> start_holder)
    : mount_(site.cgroup_mount),
      start_holder_(std::move(start_holder)) {
    kernel::CgroupDir::open(mount_); // or it says what the host lacks
}

SystemdDriver::~SystemdDriver() = default;

void SystemdDriver::connect() {
    if (bus_)
        return;
    sd_bus* bus = nullptr;
    check(::sd_bus_open_system(&bus), "cannot connect to the system bus");
    bus_.reset(bus);
    check(::sd_bus_match_signal_async(bus, nullptr, kService, kPath, kManager, "JobRemoved", &on_job_removed,
                                      nullptr, this),
          "cannot watch systemd's jobs");
    check(::sd_bus_call_method_async(bus, nullptr, kService, kPath, kManager, "Subscribe", nullptr, nullptr,
                                     ""),
          "cannot subscribe to systemd");
}

void SystemdDriver::disconnect(const Error& why) {
    for (const auto& job : jobs_)
        if (job->started) {
            job->call.reset();
            fail(*job, why);
        }
    stopping_.clear();
    bus_.reset();
}

int SystemdDriver::poll_fd() const {
    return bus_ ? ::sd_bus_get_fd(bus_.get()) : -1;
}

short SystemdDriver::poll_events() const {
    return bus_ ? static_cast<short>(std::max(0, ::sd_bus_get_events(bus_.get()))) : short{0};
}

std::optional<Duration> SystemdDriver::poll_timeout() const {
    std::optional<BootClock::time_point> next;
    for (const auto& job : jobs_)
        next = next ? std::min(*next, job->deadline) : job->deadline;
    if (!next)
        return std::nullopt;
    return std::max(Duration::zero(), std::chrono::ceil<Duration>(*next - BootClock::now()));
}

void SystemdDriver::process() {
    while (bus_) {
        const int result = ::sd_bus_process(bus_.get(), nullptr);
        if (result < 0)
            disconnect({Errc::unavailable, std::string("the system bus has gone: ") + std::strerror(-result),
                        kBusCure});
        if (result <= 0)
            break;
    }
    end_overdue();
    // A tenant that came back while its slice was on the way out has waited for this.
    for (const auto& job : jobs_)
        if (!job->started && !job->finished && !stopping_.contains(job->tenant.name))
            start(*job);
    std::erase_if(jobs_, [](const auto& job) { return job->finished; });
}

void SystemdDriver::end_overdue() {
    const auto now = BootClock::now();
    bool silent = false;
    for (const auto& job : jobs_) {
        if (job->finished || now < job->deadline)
            continue;
        // No answer is no "no": the scope may be there all the same.
        if (is_populated(job->tenant.name)) {
            settle(*job);
        } else {
            fail(*job, {Errc::unavailable,
                        "systemd did not start " + scope_name(job->tenant.name) + " within " +
                            format_duration(kBusTime),
                        kBusCure});
            silent = true;
        }
    }
    if (silent)
        disconnect({Errc::unavailable, "the system bus does not answer", kBusCure});
}

void SystemdDriver::tenant_group(const policy::Tenant& tenant, TenantGroupDone done) {
    for (const auto& job : jobs_)
        if (job->tenant == tenant && !job->finished) {
            job->done.push_back(std::move(done));
            return;
        }
    auto job = std::make_unique<Job>();
    job->driver = this;
    job->tenant = tenant;
    job->done.push_back(std::move(done));
    job->deadline = BootClock::now() + kBusTime;
    Job& entry = *jobs_.emplace_back(std::move(job));
    if (!stopping_.contains(tenant.name))
        start(entry);
}

void SystemdDriver::start(Job& job) {
    job.started = true;
    try {
        connect();
        start_slice(job);
    } catch (const Error& error) {
        fail(job, error);
    }
}

void SystemdDriver::call(Job& job, sd_bus_message* message, Answer answer) {
    sd_bus_slot* slot = nullptr;
    check(::sd_bus_call_async(bus_.get(), &slot, message, answer, &job, 0),
          ::sd_bus_message_get_member(message));
    job.call.reset(slot);
}

void SystemdDriver::start_slice(Job& job) {
    const Message message = new_call(bus_.get(), "StartTransientUnit");
    check(::sd_bus_message_append(message.get(), "ss", slice_name(job.tenant.name).c_str(), "fail"),
          "StartTransientUnit");
    check(::sd_bus_message_open_container(message.get(), 'a', "(sv)"), "StartTransientUnit");
    const std::string description = "ChimeraX sessions of tenant " + job.tenant.name;
    check(::sd_bus_message_append(message.get(), "(sv)", "Description", "s", description.c_str()),
          "StartTransientUnit");
    job.limits = limits_of(job.tenant);
    append_limits(message.get(), job.limits);
    check(::sd_bus_message_close_container(message.get()), "StartTransientUnit");
    check(::sd_bus_message_append(message.get(), "a(sa(sv))", 0), "StartTransientUnit");
    call(job, message.get(), &on_slice_reply);
}

int SystemdDriver::on_slice_reply(sd_bus_message* message, void* data, sd_bus_error*) {
    Job& job = *static_cast<Job*>(data);
    if (job.finished)
        return 0;
    try {
        const sd_bus_error* error = ::sd_bus_message_get_error(message);
        if (error != nullptr && std::strcmp(error->name, kUnitExists) != 0)
            throw Error(Errc::unavailable,
                        "systemd does not start " + slice_name(job.tenant.name) + ": " + error->message,
                        kBusCure);
        if (error != nullptr && job.driver->given_[job.tenant.name] != job.limits)
            job.driver->update_slice(job);
        else
            job.driver->enter_slice(job);
    } catch (const Error& error) {
        job.driver->fail(job, error);
    }
    return 0;
}

void SystemdDriver::update_slice(Job& job) {
    const Message message = new_call(bus_.get(), "SetUnitProperties");
    check(::sd_bus_message_append(message.get(), "sb", slice_name(job.tenant.name).c_str(), 1),
          "SetUnitProperties");
    check(::sd_bus_message_open_container(message.get(), 'a', "(sv)"), "SetUnitProperties");
    append_limits(message.get(), job.limits);
    check(::sd_bus_message_close_container(message.get()), "SetUnitProperties");
    call(job, message.get(), &on_update_reply);
}

int SystemdDriver::on_update_reply(sd_bus_message* message, void* data, sd_bus_error*) {
    Job& job = *static_cast<Job*>(data);
    if (job.finished)
        return 0;
    try {
        if (const sd_bus_error* error = ::sd_bus_message_get_error(message))
            throw Error(Errc::unavailable,
                        "systemd does not take the limits of " + slice_name(job.tenant.name) + ": " +
                            error->message,
                        kBusCure);
        job.driver->enter_slice(job);
    } catch (const Error& error) {
        job.driver->fail(job, error);
    }
    return 0;
}

void SystemdDriver::enter_slice(Job& job) {
    given_[job.tenant.name] = job.limits;
    if (is_populated(job.tenant.name))
        settle(job);
    else
        start_scope(job);
}

void SystemdDriver::start_scope(Job& job) {
    job.holder = start_holder_();
    const std::string name = scope_name(job.tenant.name), slice = slice_name(job.tenant.name);
    const Message message = new_call(bus_.get(), "StartTransientUnit");
    check(::sd_bus_message_append(message.get(), "ss", name.c_str(), "fail"), "StartTransientUnit");
    check(::sd_bus_message_append(message.get(), "a(sv)", 7, "Description", "s", "ChimeraX sandboxes",
                                  // Services are after it, and so stop first at a shutdown of the host: the
                                  // manager ends the sessions. It has no jobs at other times to wait for.
                                  "Before", "as", 1, "basic.target", "Slice", "s", slice.c_str(), "PIDs",
                                  "au", 1, static_cast<std::uint32_t>(job.holder), "Delegate", "b", 1,
                                  "TasksMax", "t", UINT64_MAX, "CollectMode", "s", "inactive-or-failed"),
          "StartTransientUnit");
    check(::sd_bus_message_append(message.get(), "a(sa(sv))", 0), "StartTransientUnit");
    call(job, message.get(), &on_scope_reply);
}

int SystemdDriver::on_scope_reply(sd_bus_message* message, void* data, sd_bus_error*) {
    Job& job = *static_cast<Job*>(data);
    if (job.finished)
        return 0;
    // A good answer only says that a job was queued: JobRemoved tells how it went.
    if (const sd_bus_error* error = ::sd_bus_message_get_error(message))
        job.driver->fail(
            job, {Errc::unavailable,
                  "systemd does not start " + scope_name(job.tenant.name) + ": " + error->message, kBusCure});
    return 0;
}

int SystemdDriver::on_job_removed(sd_bus_message* message, void* data, sd_bus_error*) {
    auto& self = *static_cast<SystemdDriver*>(data);
    std::uint32_t id = 0;
    const char *path = nullptr, *unit = nullptr, *result = nullptr;
    if (::sd_bus_message_read(message, "uoss", &id, &path, &unit, &result) < 0)
        return 0;
    const std::string name = unit;
    std::erase_if(self.stopping_, [&](const std::string& tenant) { return slice_name(tenant) == name; });
    for (const auto& job : self.jobs_) {
        if (job->finished || !job->started || scope_name(job->tenant.name) != name || job->holder == 0)
            continue;
        if (std::strcmp(result, "done") == 0)
            self.settle(*job);
        else
            self.fail(*job, {Errc::unavailable,
                             "systemd did not start " + name + ": its job ended with \"" + result + "\"",
                             "see `systemctl status " + name + "`"});
    }
    return 0;
}

void SystemdDriver::settle(Job& job) {
    try {
        kernel::CgroupDir scope = kernel::CgroupDir::open(scope_path(job.tenant.name));
        const kernel::CgroupDir hold =
            scope.has_child("hold") ? scope.open_child("hold") : scope.create_child("hold");
        // A group that hands controllers down may have no process of its own.
        for (const pid_t pid : scope.processes())
            hold.add_process(pid);
        if (job.holder > 0)
            ::kill(job.holder, protocol::init::kHoldSignal); // it outlives this launcher from here on
        std::vector<std::string> names;
        for (const std::string& name : scope.controllers())
            if (name == "cpu" || name == "io" || name == "memory" || name == "pids")
                names.push_back(name);
        scope.enable_controllers(names);
        job.finished = true;
        for (const TenantGroupDone& done : job.done) {
            kernel::CgroupDir copy = kernel::CgroupDir::open(scope.path());
            done(TenantGroup{std::move(copy)});
        }
    } catch (const Error& error) {
        fail(job, error);
    }
}

void SystemdDriver::fail(Job& job, const Error& error) {
    if (job.finished)
        return;
    job.finished = true;
    if (job.holder > 0)
        ::kill(job.holder, SIGKILL); // our own child, not yet reaped: the pid is still its
    for (const TenantGroupDone& done : job.done)
        done(error);
}

void SystemdDriver::release_tenant(const std::string& tenant) {
    try {
        connect();
        // The slice takes its scope, and so the holder, with it.
        check(::sd_bus_call_method_async(bus_.get(), nullptr, kService, kPath, kManager, "StopUnit", nullptr,
                                         nullptr, "ss", slice_name(tenant).c_str(), "replace"),
              "StopUnit");
        stopping_.insert(tenant);
    } catch (const Error& error) {
        log::warning({.tenant = tenant}, "the slice of tenant " + tenant + " stays: " + error.what());
    }
}

std::vector<std::string> SystemdDriver::tenants() const {
    std::vector<std::string> names;
    std::error_code missing;
    for (const auto& entry : std::filesystem::directory_iterator(mount_ + "/chimerax.slice", missing)) {
        std::string name = entry.path().filename();
        if (!name.starts_with("chimerax-") || !name.ends_with(".slice"))
            continue;
        name = name.substr(9, name.size() - 9 - 6);
        // Without its scope only where nothing runs in it: a launcher died before it had one.
        if (is_tenant_name(name) && (std::filesystem::exists(scope_path(name)) ||
                                     !kernel::CgroupDir::open(slice_path(name)).populated()))
            names.push_back(name);
    }
    return names;
}

kernel::CgroupDir SystemdDriver::open_tenant(const std::string& tenant) const {
    return kernel::CgroupDir::open(scope_path(tenant));
}

bool SystemdDriver::is_populated(const std::string& tenant) const {
    try {
        return open_tenant(tenant).populated();
    } catch (const Error&) {
        return false;
    }
}

std::string SystemdDriver::slice_path(const std::string& tenant) const {
    return mount_ + "/chimerax.slice/" + slice_name(tenant);
}

std::string SystemdDriver::scope_path(const std::string& tenant) const {
    return slice_path(tenant) + "/" + scope_name(tenant);
}

} // namespace sandbox::launcher
