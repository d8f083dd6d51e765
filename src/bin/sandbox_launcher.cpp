// sandbox-launcher: the one privileged program. It makes and removes sandboxes by the root-owned policies,
// for a manager that it does not trust.
#include "base/exit_status.hpp"
#include "launcher/authorize/authorize_launch.hpp"
#include "launcher/host/manager_process.hpp"
#include "launcher/recovery/host_cleanup.hpp"
#include "launcher/server/server.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fault_points.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/inheritance.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/low_limits.hpp"
#include "sandbox/base/version.hpp"
#include "sandbox/base/working_folder.hpp"
#include "sandbox/kernel/capability.hpp"
#include "sandbox/policy/loaded_policy.hpp"
#include "sandbox/policy/loader.hpp"

#include <csignal>
#include <cstdio>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <grp.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

namespace {

using namespace sandbox;

struct Options {
    std::string config = "/etc/chimerax-sandbox/sandboxd.toml";
    std::string plan, tenant, fault;
    policy::PolicyFolders folders; ///< for a plan, where they are not the site's
    std::string manager;
    bool with_manager = false, verbose = false;
    bool pin_gateway = false, tear_down = false;
};

void print_plan(const Options& options) {
    const policy::Site site = policy::load_site(options.config, policy::Trust::any_owner);
    policy::PolicyFolders folders = site.policy_folders();
    if (!options.folders.admin.empty())
        folders.admin = options.folders.admin;
    if (!options.folders.vendor.empty())
        folders.vendor = options.folders.vendor == "none" ? "" : options.folders.vendor;
    const auto loaded = policy::load_whole_policy(folders, options.plan, policy::Trust::any_owner);
    const policy::Tenant tenant =
        policy::load_tenant(site.tenants_dir, options.tenant, policy::Trust::any_owner);
    const auto installation = chimerax::find_installation(loaded.policy.chimerax.executable);
    std::puts(launcher::to_json(launcher::make_sandbox_spec({.site = site,
                                                             .policy = loaded.policy,
                                                             .tenant = tenant,
                                                             .seccomp = loaded.seccomp,
                                                             .installation = installation,
                                                             .session = "aaaaaaaaaaaaaaaa",
                                                             .slot = 0,
                                                             .environment = {},
                                                             .learns = false},
                                                            launcher::look_up_host))
                  .c_str());
}

/// The signals that the loop takes from a descriptor.
UniqueFd watch_signals() {
    sigset_t watched;
    ::sigemptyset(&watched);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD})
        ::sigaddset(&watched, signal);
    ::sigprocmask(SIG_SETMASK, &watched, nullptr);
    for (const int signal : {SIGPIPE, SIGXFSZ}) // EPIPE and EFBIG tell the same
        ::signal(signal, SIG_IGN);
    UniqueFd fd(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd)
        throw_errno("signalfd");
    return fd;
}

/// The manager as a child, for a host without systemd: started again when it dies of a signal, told to stop
/// when the launcher is.
class ManagerChild {
  public:
    ManagerChild(launcher::LauncherContext& context, std::vector<std::string> argv)
        : context_(context),
          sockets_(launcher::open_api_sockets(context.site)),
          argv_(std::move(argv)) {
        start();
    }
    void start() { pid_ = launcher::start_manager(context_, sockets_, argv_); }
    void stop() {
        stopping_ = true;
        ::kill(pid_, SIGTERM);
    }
    void reload() const { ::kill(pid_, SIGHUP); }
    /// True when `pid` was it and it is not to be started again.
    bool ended(pid_t pid, int status) {
        if (pid != pid_)
            return false;
        if (!stopping_ && WIFSIGNALED(status)) {
            log::warning("the manager died of signal " + std::to_string(WTERMSIG(status)) +
                         " and is started again");
            start();
            return false;
        }
        if (!stopping_ && WIFEXITED(status) && WEXITSTATUS(status) == kHandoverStatus) {
            log::info("the manager hands over to the next one");
            start();
            return false;
        }
        exit_status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
        return true;
    }
    int exit_status() const { return exit_status_; }

  private:
    launcher::LauncherContext& context_;
    launcher::ApiSockets sockets_;
    std::vector<std::string> argv_;
    pid_t pid_ = 0;
    int exit_status_ = 0;
    bool stopping_ = false;
};

/// For a launcher that has no manager as its child. The manager, which is told by a signal of its own or by a
/// caller, asks for the same.
void reload(launcher::Server& server) {
    try {
        server.reload({});
    } catch (const Error& error) {
        log::error_lines("reload: " + error.full());
    }
}

std::string default_manager() {
    const auto beside = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "sandboxd";
    return beside.string();
}

/// From here on the working folder plays no part: a service holds none, and may have lost it.
void leave_working_folder(Options& options) {
    options.config = absolute_path(options.config);
    if (!options.manager.empty())
        options.manager = absolute_path(options.manager);
    if (::chdir("/") != 0)
        throw_errno("cannot enter /");
}

void check_root() {
    if (::geteuid() != 0)
        throw Error(Errc::denied, "sandbox-launcher makes namespaces, links and cgroups, which only root can",
                    "start it by systemd, or with sudo");
}

launcher::CgroupDriver make_driver(const launcher::LauncherContext& context) {
    return launcher::make_cgroup_driver(context.site, [&context] { return launcher::start_holder(context); });
}

void tear_down(const Options& options) {
    check_root();
    const policy::Site site = policy::load_site(options.config, policy::Trust::root_owned_only);
    const auto is_there = [&](const char* name) { return std::filesystem::exists(site.run_dir + name); };
    if (!is_there("/sessions") && !is_there("/net"))
        return; // no launcher has run since the host has started
    launcher::LauncherContext context = launcher::make_launcher_context(site);
    launcher::CgroupDriver driver = make_driver(context);
    launcher::tear_down(context, driver);
}

int serve(Options options) {
    check_root();
    warn_of_low_limits();
    leave_working_folder(options);
    if (::setgroups(0, nullptr) != 0)
        throw_errno("cannot drop the caller's groups");
    const UniqueFd signals = watch_signals();
    launcher::LauncherContext context =
        launcher::make_launcher_context(policy::load_site(options.config, policy::Trust::root_owned_only));
    if (!options.fault.empty())
        launcher::check_fault(options.fault);
    context.fault = options.fault;
    const std::string socket = context.socket_path();
    launcher::Server server(context, make_driver(context));
    server.recover();
    std::optional<ManagerChild> manager;
    if (options.with_manager)
        manager.emplace(
            context, std::vector<std::string>{options.manager.empty() ? default_manager() : options.manager,
                                              "--config", options.config});
    log::info("listens on " + socket);
    ::sd_notify(0, "READY=1");
    server.run(signals.get(), [&] {
        signalfd_siginfo info{};
        while (::read(signals.get(), &info, sizeof info) == sizeof info) {
            if (info.ssi_signo == SIGHUP) {
                if (manager)
                    manager->reload(); // which has this one read the files too
                else
                    reload(server);
                continue;
            }
            if (info.ssi_signo != SIGCHLD) {
                if (manager)
                    manager->stop(); // it ends its sessions first, then the loop
                else
                    server.stop();
                continue;
            }
            int status = 0;
            for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;)
                if (manager && manager->ended(pid, status))
                    server.stop();
        }
    });
    ::unlink(socket.c_str());
    return manager ? manager->exit_status() : 0;
}

} // namespace

int main(int argc, char** argv) {
    put_inheritance_right(Program::service);
    close_leaked_descriptors();
    Options options;
    CLI::App app("Makes and removes the sandboxes of chimerax-sandbox. Runs as root.", "sandbox-launcher");
    app.set_version_flag("--version", version());
    app.add_option("--config", options.config, "The site's settings")->capture_default_str();
    app.add_flag("--with-manager", options.with_manager,
                 "Start sandboxd too, as its own user in the gateway namespace");
    app.add_option("--manager", options.manager,
                   "The sandboxd to start; the one beside this program unless given")
        ->needs("--with-manager");
    app.add_flag("--pin-gateway", options.pin_gateway,
                 "Make the gateway namespace, unless it is there, and exit: sandboxd is started inside it");
    app.add_flag(
        "--tear-down", options.tear_down,
        "End what is left of all sessions, remove all that launchers made but logs and state, and exit");
    app.add_option("--plan", options.plan,
                   "Print what a session of this policy would be made of, as JSON, and exit");
    app.add_option("--tenant", options.tenant, "The tenant for --plan")->needs("--plan");
    app.add_option("--policies", options.folders.admin,
                   "The folder of the admin's policies for --plan; else the site's")
        ->needs("--plan");
    app.add_option("--vendor-policies", options.folders.vendor,
                   "The folder of the vendor's policies for --plan, or none; else the site's")
        ->needs("--plan");
    if (has_fault_points())
        app.add_option("--fault-after", options.fault, "Die by SIGKILL after this step or moment")->group("");
    app.add_flag("--verbose", options.verbose, "Log more");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    log::start("sandbox-launcher", options.verbose ? log::Level::debug : log::Level::info);
    try {
        if (!options.plan.empty()) {
            print_plan(options);
            return 0;
        }
        if (options.tear_down) {
            tear_down(options);
            return 0;
        }
        if (options.pin_gateway) {
            check_root();
            launcher::pin_gateway(policy::load_site(options.config, policy::Trust::root_owned_only));
            return 0;
        }
        return serve(options);
    } catch (const Error& error) {
        log::fatal(error.full());
        return errc_info(error.code()).exit_status;
    } catch (const std::exception& error) {
        log::fatal(error.what());
        return 1;
    }
}
