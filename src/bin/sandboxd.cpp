// sandboxd: the manager of sessions and its HTTP API. It runs without any privilege, in the gateway network
// namespace.
#include "api/server/server.hpp"
#include "api/transport/listeners.hpp"
#include "base/exit_status.hpp"
#include "base/service_job.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/inheritance.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/low_limits.hpp"
#include "sandbox/base/version.hpp"
#include "sandbox/base/watchdog.hpp"
#include "sandbox/base/working_folder.hpp"
#include "sandbox/kernel/capability.hpp"
#include "sandbox/manager/manager.hpp"
#include "sandbox/policy/loader.hpp"

#include <chrono>
#include <csignal>
#include <ctime>
#include <string>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <systemd/sd-daemon.h>
#include <unistd.h>

namespace {

namespace asio = boost::asio;
using namespace sandbox;

struct Options {
    std::string config = "/etc/chimerax-sandbox/sandboxd.toml";
    bool verbose = false;
};

constexpr auto kDrainTime = std::chrono::seconds(30);

/// Until it is told to leave, one way or the other; the exit status. Sessions that nobody would look after
/// do not outlive its end, unless the site wants that, or systemd starts it again.
asio::awaitable<int> run_until_told(asio::io_context& io, manager::Manager& manager, api::Server& server) {
    using namespace asio::experimental::awaitable_operators;
    asio::signal_set signals(io, SIGTERM, SIGINT);
    const auto told = co_await (signals.async_wait(asio::use_awaitable) || manager.until_leaving());
    const bool by_signal = told.index() == 0;
    ::sd_notify(0, "STOPPING=1");
    if (by_signal && manager.site().on_stop == policy::OnStop::end && !is_being_restarted()) {
        log::info("signal " + std::to_string(std::get<0>(told)) + ": ends all sessions, then itself");
        co_await manager.shutdown();
        co_return 0;
    }
    if (!manager.is_leaving())
        manager.leave();
    co_await server.drain(kDrainTime);
    co_await manager.written();
    co_return by_signal ? 0 : kHandoverStatus;
}

std::string monotonic_now() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::to_string(now.tv_sec * 1'000'000 + now.tv_nsec / 1'000);
}

/// SIGHUP, as `systemctl reload` sends it: the same as POST /v1/admin/reload, and as audited.
asio::awaitable<void> reload_on_signal(asio::io_context& io, manager::Manager& manager) {
    asio::signal_set hangup(io, SIGHUP);
    for (;;) {
        co_await hangup.async_wait(asio::use_awaitable);
        ::sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + monotonic_now()).c_str());
        manager::AuditEntry entry;
        entry.action = "admin.reload";
        entry.actor = "manager";
        entry.outcome = "200";
        try {
            const manager::Reloaded done = co_await manager.reload();
            entry.detail = "SIGHUP: " + to_text(done);
        } catch (const Error& error) { // the log has it
            entry.outcome = std::to_string(errc_info(error.code()).http_status);
            entry.detail = std::string("SIGHUP: ") + error.what();
        }
        entry.at = std::chrono::system_clock::now();
        manager.audit(entry);
        ::sd_notify(0, "READY=1");
    }
}

/// In the loop itself: what holds it up holds this up, too.
asio::awaitable<void> feed_watchdog(asio::io_context& io) {
    Watchdog watchdog;
    asio::steady_timer timer(io);
    while (const auto left = watchdog.left()) {
        timer.expires_after(*left);
        co_await timer.async_wait(asio::use_awaitable);
        watchdog.feed();
    }
}

int serve(Options options) {
    if (::geteuid() == 0) {
        throw Error(Errc::invalid_argument, "sandboxd must not run as root: it talks to callers and engines",
                    "Start it as its own user: by systemd, or by sandbox-launcher --with-manager.");
    }
    warn_of_low_limits();
    // A service holds no working folder, and may have lost it.
    options.config = absolute_path(options.config);
    if (::chdir("/") != 0)
        throw_errno("cannot enter /");
    for (const int signal : {SIGPIPE, SIGXFSZ}) // EPIPE and EFBIG tell the same
        ::signal(signal, SIG_IGN);
    // Before anything opens a descriptor: those that came with the start have fixed numbers.
    const policy::Site site = policy::load_site(options.config, policy::Trust::any_owner);
    std::vector<UniqueFd> listeners = api::open_listeners(site);
    kernel::give_up_capabilities(); // one may have been given for a port below 1024
    asio::io_context io(1);
    manager::Manager manager(io, site);
    api::Server server(io, manager, version());
    int status = 1;
    asio::co_spawn(io, run_until_told(io, manager, server), [&](const std::exception_ptr& failure, int how) {
        if (failure)
            log::error("the end was not an orderly one");
        else
            status = how;
        io.stop();
    });
    asio::co_spawn(io, reload_on_signal(io, manager), asio::detached);
    asio::co_spawn(io, feed_watchdog(io), asio::detached);
    server.serve(std::move(listeners));
    ::sd_notify(0, "READY=1");
    io.run();
    return status;
}

} // namespace

int main(int argc, char** argv) {
    put_inheritance_right(Program::service);
    close_leaked_descriptors();
    Options options;
    CLI::App app("Keeps ChimeraX sessions in sandboxes and serves the HTTP API. Runs without privileges.",
                 "sandboxd");
    app.set_version_flag("--version", version());
    app.add_option("--config", options.config, "The site's settings")->capture_default_str();
    app.add_flag("--verbose", options.verbose, "Log more");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    log::start("sandboxd", options.verbose ? log::Level::debug : log::Level::info);
    try {
        return serve(options);
    } catch (const Error& error) {
        log::fatal(error.full());
        return errc_info(error.code()).exit_status;
    } catch (const std::exception& error) {
        log::fatal(error.what());
        return 1;
    }
}
