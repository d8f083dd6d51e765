// sandboxd: the manager of sessions and its HTTP API. It runs without any privilege, in the gateway network
// namespace.
#include "sandbox/api/listeners.hpp"
#include "sandbox/api/server.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/manager/manager.hpp"
#include "sandbox/policy/loader.hpp"

#include <csignal>
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
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

/// Sessions do not outlive their manager's orderly end: nobody would look after them.
asio::awaitable<void> stop_on_signal(asio::io_context& io, manager::Manager& manager) {
    asio::signal_set signals(io, SIGTERM, SIGINT);
    const int number = co_await signals.async_wait(asio::use_awaitable);
    log::info("signal " + std::to_string(number) + ": ends all sessions, then itself");
    ::sd_notify(0, "STOPPING=1");
    co_await manager.shutdown();
    io.stop();
}

int serve(const Options& options) {
    if (::geteuid() == 0) {
        throw Error(Errc::invalid_argument, "sandboxd must not run as root: it talks to callers and engines",
                    "Start it as its own user: by systemd, or by sandbox-launcher --with-manager.");
    }
    ::signal(SIGPIPE, SIG_IGN);
    // Before anything opens a descriptor: those that came with the start have fixed numbers.
    const policy::Site site = policy::load_site(options.config, policy::Trust::any_owner);
    std::vector<UniqueFd> listeners = api::open_listeners(site);
    asio::io_context io(1);
    manager::Manager manager(io, site);
    api::Server server(io, manager, SANDBOX_VERSION);
    int status = 0;
    asio::co_spawn(io, stop_on_signal(io, manager), [&](const std::exception_ptr& failure) {
        if (failure) {
            log::error("the end was not an orderly one");
            status = 1;
            io.stop();
        }
    });
    server.serve(std::move(listeners));
    ::sd_notify(0, "READY=1");
    io.run();
    return status;
}

} // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app("Keeps ChimeraX sessions in sandboxes and serves the HTTP API. Runs without privileges.",
                 "sandboxd");
    app.set_version_flag("--version", SANDBOX_VERSION);
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
        std::fprintf(stderr, "sandboxd: %s\n", error.full().c_str());
        return errc_info(error.code()).exit_status;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "sandboxd: %s\n", error.what());
        return 1;
    }
}
