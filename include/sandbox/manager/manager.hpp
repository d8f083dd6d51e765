#pragma once

#include "sandbox/base/duration.hpp"
#include "sandbox/base/metric.hpp"
#include "sandbox/chimerax/rest_client.hpp"
#include "sandbox/manager/api_token.hpp"
#include "sandbox/manager/audit.hpp"
#include "sandbox/manager/command_list.hpp"
#include "sandbox/manager/day_usage.hpp"
#include "sandbox/manager/event.hpp"
#include "sandbox/manager/pressure_view.hpp"
#include "sandbox/manager/requests.hpp"
#include "sandbox/manager/session_view.hpp"
#include "sandbox/manager/stats.hpp"
#include "sandbox/manager/tuning.hpp"
#include "sandbox/policy/policy.hpp"
#include "sandbox/policy/site.hpp"
#include "sandbox/policy/tenant.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace sandbox::manager {

/// Everything that happens to sessions. Lives on one io_context thread; nothing here blocks it. All errors
/// are Error, with the codes that the API maps to its statuses.
class Manager {
  public:
    /// Reads policies and tenants, and connects to the launcher at `site.run_dir`/launcher.sock.
    Manager(boost::asio::io_context& io, policy::Site site, const Tuning& tuning = {});
    ~Manager();

    /// Admits or queues, launches in the background. Returns once the session exists; use `wait` for its
    /// readiness. A refusal that passes has Error::retry: quota for limits of the tenant or policy, capacity
    /// for those of the host, pressure for its load. conflict: the key of `repeat` was used for another
    /// request.
    boost::asio::awaitable<Created> create(CreateRequest request);

    /// Returns nothing for what never was.
    std::optional<FoundSession> find(const std::string& id) const;
    /// Throws Error not_found for what never was. An ended session's view has `end`.
    SessionView get(const std::string& id) const;
    std::vector<SessionView> list() const;

    /// Returns when the session is in one of the states, or has ended, or at the deadline (Error timed_out).
    boost::asio::awaitable<SessionView> wait(std::string id, std::vector<State> states, Duration timeout);

    /// Nobody waits for this session any more: where it is in the queue it ends there.
    void client_gone(const std::string& id);

    /// How much room there is now.
    PressureView pressure() const;

    /// Ends it and waits until nothing is left of it. Idempotent.
    boost::asio::awaitable<SessionView> remove(std::string id, std::optional<Duration> grace);

    // What needs a session that serves waits for one that is queued, starting or recovering: Error timed_out
    // at the time-out, of those without one after 10 minutes; quota where too many wait already; gone where
    // the session ends, or has ended. A caller whose coroutine is cancelled while it waits (cancellation_type
    // terminal) waits no more; what is begun comes to its end.

    /// One request to the session's ChimeraX: one at a time for each session, others wait in a bounded queue
    /// (Error quota when it is full, timed_out when the turn does not come).
    boost::asio::awaitable<chimerax::RestReply> rest(FoundSession session, chimerax::RestRequest request,
                                                     Duration timeout);

    /// Commands, each of them such a request, in one turn. Throws Error as `rest` does where nothing was
    /// sent; what happens later is in the report.
    boost::asio::awaitable<CommandsRun> run(FoundSession session, CommandList list);

    /// Counts as activity: its idle clock begins anew; of one that is not ready yet it does not run. Does not
    /// wait.
    SessionView touch(const std::string& id);

    /// Puts the end of its lifetime off, and its idle clock begins anew. Error conflict for one without an
    /// end, denied beyond what its policy allows.
    boost::asio::awaitable<SessionView> extend(std::string id, Duration by);

    /// Stops all its processes, or lets them go on; a request thaws it by itself. Error conflict for a
    /// session that is busy.
    boost::asio::awaitable<SessionView> set_frozen(std::string id, bool frozen);

    /// What the launcher sees of it, as JSON.
    boost::asio::awaitable<std::string> inspect(std::string id);

    /// A regular file below its /work, opened by the launcher with the session's own rights.
    boost::asio::awaitable<OpenedFile> open_file(const std::string& id, std::string path);

    /// A folder below its /work (empty: that one) as JSON, behind the name `after`: {"entries": […],
    /// "truncated", "next"}.
    boost::asio::awaitable<OpenedFile> list_folder(const std::string& id, std::string path,
                                                   std::string after);
    /// Puts a whole file in the place of what has its name; its pages are charged to the session. Thaws a
    /// frozen one. Error conflict with the header's name as the field where a precondition does not hold.
    boost::asio::awaitable<StoredFile> put_file(const std::string& id, NewFile file);
    boost::asio::awaitable<void> remove_file(const std::string& id, std::string path,
                                             protocol::Preconditions only_if);

    /// For what takes longer than one of the calls here: a body on its way in, an answer on its way out.
    InUse use(const FoundSession& session);

    /// Kills its ChimeraX and starts it again in its sandbox, whatever its policy says of crashes. Returns
    /// once it is `recovering`; Error conflict for one that is already.
    boost::asio::awaitable<SessionView> restart(const std::string& id);

    /// Returns once it has a log to follow, or has ended without one.
    boost::asio::awaitable<void> until_logged(const std::string& id);

    /// Error denied beyond what its policy allows, conflict where the new limit is below what is
    /// in use, capacity where the host's memory is promised already. Either all of it is done or nothing.
    boost::asio::awaitable<SessionView> change(const std::string& id, SessionChange change);

    /// The audit trail, read by a thread of its own.
    boost::asio::awaitable<AuditFound> search_audit(AuditQuery query);

    /// A stream ("stdout", "stderr") that is read piece by piece, each of a bounded size.
    struct OpenedLog {
        std::function<std::string()> next_piece; ///< of what there was at the opening; empty: that was all
        std::function<std::string()> read_new;   ///< what came since, or since the last call
        bool is_cut = false;                     ///< there was more before it
    };
    /// The last `tail` bytes of it, and what comes later. Throws Error gone for a session that has ended and
    /// whose log is not kept.
    OpenedLog open_log(const std::string& id, const std::string& stream, std::uint64_t tail) const;

    /// True when `token` is that session's token; in constant time.
    bool token_matches(const std::string& id, const std::string& token) const;
    /// The session that a token belongs to.
    std::optional<std::string> session_of_token(const std::string& token) const;

    /// Returns when it is on the disk. Throws Error quota, unavailable.
    boost::asio::awaitable<MadeToken> make_token(NewToken asked);
    /// It, and all that were made with it, hold no more from this call on. Throws Error not_found;
    /// unavailable where a restart might undo it. Idempotent.
    boost::asio::awaitable<ApiToken> revoke_token(std::string id);
    /// The API token of this secret, in constant time, whatever its state. Counts as its use.
    std::optional<ApiToken> use_token(const std::string& secret);
    /// In the order of their making; those that ended are kept for 30 days.
    std::vector<ApiToken> tokens() const;

    /// The events after that id, oldest first; `complete`: none is missing. 0: no events, and the newest id.
    struct Events {
        std::vector<Event> events;
        std::uint64_t last_id = 0;
        bool complete = true;
    };
    Events events_since(std::uint64_t id) const;
    /// Returns when there may be new ones, or at the deadline, or when this manager leaves.
    boost::asio::awaitable<void> events_changed(std::chrono::steady_clock::time_point deadline);

    /// A line of the audit trail, for what callers do; what happens to sessions is there already.
    void audit(const AuditEntry& entry);
    /// Puts into the entry what the policy of this session lets the trail have of these commands; of one that
    /// does not live, nothing.
    void put_commands(AuditEntry& entry, const FoundSession& session,
                      std::span<const std::string_view> commands) const;
    /// Returns when all lines until now are on the disk, or cannot be written now.
    boost::asio::awaitable<void> audited();
    AuditCounts audit_counts() const;

    /// All figures of a live session, as they were a second ago or less. Throws Error not_found, gone.
    Stats stats(const std::string& id, bool with_history) const;
    /// What this manager has counted, and how things stand, under their names of the metrics.
    std::vector<metric::Family> metrics() const;

    /// What a tenant's sessions have used, from a day of UTC to a day, both with it, each as 2026-01-31; days
    /// without any are left out. Kept for 400 days, and when the tenant is gone too.
    std::vector<DayUsage> usage(const std::string& tenant, const std::string& since,
                                const std::string& until) const;

    /// From now on creates are refused (unavailable, with the reason `draining`), also by the next manager,
    /// until that is undone; what waits in the queue ends, what runs stays. Throws Error io where it cannot
    /// be kept.
    void drain(bool draining);
    bool is_draining() const;
    /// Returns when no session lives any more, or at the deadline; how many still do.
    boost::asio::awaitable<std::size_t> until_empty(Duration timeout);

    /// A tar archive (ustar, POSIX.1-1988) of what a site is made of: a consistent copy of the store, the
    /// site's file, its policies and its tenants. No token is in it, only hashes; the audit trail is not.
    /// Throws Error.
    boost::asio::awaitable<Backup> backup();

    /// Reads the site's file, its policies and its tenants again, and takes all of them at once, here and at
    /// the launcher; who runs keeps the policy that it was started with. Throws Error, and what was in force
    /// stays: invalid_argument where any file is wrong, with the place of each; unavailable without the
    /// launcher.
    boost::asio::awaitable<Reloaded> reload();
    /// Counts the reloads that changed anything: who keeps something of the site's files looks at it.
    std::uint64_t reloads() const;

    /// What else is read anew with a reload, and may refuse it by an Error: it is asked first.
    void on_reload(std::function<void()> handler);

    const policy::Site& site() const;
    std::vector<policy::Policy> policies() const;
    std::vector<policy::Tenant> tenants() const;
    /// Is the launcher there and does it answer?
    bool launcher_connected() const;

    /// Published ports: the manager accepts on the session's listening socket and hands each connection to
    /// this function (the API speaks HTTP on it and wants that session's token). Set it before the first
    /// create.
    using PublishedConnection =
        std::function<void(std::string session_id, boost::asio::ip::tcp::socket connection)>;
    void on_published_connection(PublishedConnection handler);

    /// Ends every session, waits until nothing is left, then returns. New creates are refused from the first
    /// moment.
    boost::asio::awaitable<void> shutdown();

    /// Looks for what nobody claims, here and at the launcher, and removes it, or only tells of it.
    boost::asio::awaitable<std::vector<Leftover>> collect_garbage(bool dry_run);

    /// Ends all waiting, takes no new sessions, and leaves those that live to the next manager: what is asked
    /// from then on is Error unavailable. `written` returns when all that this one knows is on the disk.
    void leave();
    bool is_leaving() const;
    boost::asio::awaitable<void> until_leaving();
    boost::asio::awaitable<void> written();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace sandbox::manager
