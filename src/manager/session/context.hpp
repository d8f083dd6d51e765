#pragma once

#include "manager/capacity/admission_state.hpp"
#include "manager/capacity/slot_allocator.hpp"
#include "manager/events/event_log.hpp"
#include "manager/logs/kept_logs.hpp"
#include "manager/metering/usage_ledger.hpp"
#include "manager/model/policy_catalog.hpp"
#include "manager/session/manager_metrics.hpp"
#include "manager/session/probed_engines.hpp"
#include "manager/session/registry.hpp"
#include "manager/store/api_tokens.hpp"
#include "manager/store/store_thread.hpp"
#include "sandbox/manager/tuning.hpp"

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace sandbox::manager {

class LauncherClient;

/// What the parts of the manager share. Each coroutine holds it, so that it outlives them all.
struct Context {
    Context(boost::asio::io_context& its_io, policy::Site its_site, Tuning its_tuning);
    ~Context();
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    boost::asio::io_context& io;
    policy::Site site; ///< reload.cpp alone changes it
    const Tuning tuning;
    PolicyCatalog catalog;
    std::shared_ptr<LauncherClient> launcher;
    SlotAllocator slots;
    StoreThread store;
    const std::string audit_key;
    const std::string boot_id;
    bool draining; ///< takes no new sessions until that is undone
    MemoryReclaimer reclaimer;
    const std::shared_ptr<KeptLogs> kept_logs;
    Registry registry;
    ApiTokens tokens;
    UsageLedger accounts;
    ProbedEngines probed_engines;
    AdmissionState admission;
    EventLog events;
    ManagerMetrics counters;
    std::uint64_t reloads = 0; ///< that changed what is in force
    bool reloading = false;
    bool reload_refused = false; ///< the last one
    bool swept = false;          ///< the launcher has told once what exists; until then nothing is launched
    bool shutting_down = false;  ///< ends all sessions, and takes no new ones
    bool leaving = false;        ///< ends itself, and leaves the sessions to the next manager
    std::function<void(std::string session_id, boost::asio::ip::tcp::socket connection)>
        on_published_connection;
    std::function<void()> on_reload;
    /// Is called with each session that this manager begins to serve. Set before the first.
    std::function<void(const SessionPtr& session)> on_serving;
};

using ContextPtr = std::shared_ptr<Context>;

} // namespace sandbox::manager
