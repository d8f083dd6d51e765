#pragma once

#include "catalog.hpp"
#include "fifo_gate.hpp"
#include "launcher_client.hpp"
#include "probed_engines.hpp"
#include "registry.hpp"
#include "sandbox/manager/manager.hpp"
#include "sandbox/manager/tuning.hpp"
#include "slots.hpp"

#include <limits>
#include <memory>

#include <boost/asio/io_context.hpp>

namespace sandbox::manager {

/// What the parts of the manager share. Each coroutine holds it, so that it outlives them all.
struct Core {
    Core(boost::asio::io_context& context, policy::Site its_site, const Tuning& its_tuning)
        : io(context),
          site(std::move(its_site)),
          tuning(its_tuning),
          catalog(site),
          launcher(std::make_shared<LauncherClient>(io, site.run_dir + "/launcher.sock", tuning)),
          slots(site.slots),
          registry(tuning),
          probed_engines(tuning.probe_retry),
          starts(io.get_executor(), tuning.starts_at_once, std::numeric_limits<std::size_t>::max()) {}

    boost::asio::io_context& io;
    const policy::Site site;
    const Tuning tuning;
    Catalog catalog;
    std::shared_ptr<LauncherClient> launcher;
    Slots slots;
    Registry registry;
    ProbedEngines probed_engines;
    FifoGate starts;
    bool swept = false; ///< the launcher has told once what exists; until then nothing is launched
    bool shutting_down = false;
    Manager::PublishedConnection on_published_connection;
};

using CorePtr = std::shared_ptr<Core>;

// Each in the file of its name.

/// admission.cpp: checks the request and adds the session, which then has to be run.
Created admit(Core& core, CreateRequest request);

/// launch.cpp: asks the launcher for the sandbox. False: it could not be made, and the session says why.
boost::asio::awaitable<bool> launch(CorePtr core, SessionPtr session);

/// readiness.cpp: returns when the engine answers, or the session must end; sets start_timeout.
boost::asio::awaitable<void> wait_until_serving(CorePtr core, SessionPtr session);

/// engine_watch.cpp: tells the session when ChimeraX or its sandbox has ended.
void watch_engine(const CorePtr& core, const SessionPtr& session);

/// health.cpp: looks after a session that serves until it must end.
boost::asio::awaitable<void> watch_health(CorePtr core, SessionPtr session);

/// publish.cpp: a listening socket on the host's loopback, whose connections go to the handler.
boost::asio::awaitable<void> publish(CorePtr core, SessionPtr session);

/// ending.cpp: removes the sandbox and tells why it ended. Returns when nothing is left.
boost::asio::awaitable<void> end_session(CorePtr core, SessionPtr session);
/// The last step of every session: it is `ended`, its slot is free.
void finish(Core& core, const SessionPtr& session, SessionView::End end, const std::string& why);

/// lifecycle.cpp: takes a session from `queued` to `ended`.
boost::asio::awaitable<void> run_session(CorePtr core, SessionPtr session);
void start_running(const CorePtr& core, const SessionPtr& session);

/// rest.cpp: one request to the engine, when its turn comes.
boost::asio::awaitable<chimerax::RestReply> rest(CorePtr core, SessionPtr session,
                                                 chimerax::RestRequest request, Duration timeout);

/// orphans.cpp: ends what exists from an earlier manager.
boost::asio::awaitable<void> sweep(CorePtr core);

/// manager.cpp: a file of its workspace, opened by the launcher.
boost::asio::awaitable<OpenedFile> open_file(CorePtr core, SessionPtr session, std::string path);

/// engine_probe.cpp: finds out the version of a session's engine and whether it renders, unless known, in a
/// sandbox of its own.
void probe_engine(const CorePtr& core, const SessionPtr& session);

/// view.cpp: what a caller sees, with the engine's version.
SessionView view_of(const Core& core, const Session& session);

} // namespace sandbox::manager
