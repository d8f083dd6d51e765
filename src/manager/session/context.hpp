#pragma once

#include "manager/accounting/manager_metrics.hpp"
#include "manager/capacity/admission_state.hpp"
#include "manager/capacity/slot_allocator.hpp"
#include "manager/metering/usage_ledger.hpp"
#include "manager/model/policy_catalog.hpp"
#include "manager/session/event_log.hpp"
#include "manager/session/kept_logs.hpp"
#include "manager/session/launcher_client.hpp"
#include "manager/session/probed_engines.hpp"
#include "manager/session/registry.hpp"
#include "manager/store/api_tokens.hpp"
#include "manager/store/store_thread.hpp"
#include "sandbox/chimerax/command_result.hpp"
#include "sandbox/manager/manager.hpp"
#include "sandbox/manager/tuning.hpp"

#include <memory>

#include <boost/asio/io_context.hpp>

namespace sandbox::manager {

/// persistence.cpp: where the site's manager has its store. Makes the folder when it is not there.
std::string store_path(const policy::Site& site);
/// Its audit trail: in a folder beside the store.
AuditFile open_audit(const policy::Site& site);
std::string audit_folder(const policy::Site& site);
/// Where the logs of ended sessions are.
std::string kept_logs_folder(const policy::Site& site);
/// What tokens are derived from where a client may ask for one again; made at the first start. It is as
/// secret as the store beside it: who reads either is the manager.
std::string token_secret(const policy::Site& site);
/// What commands are hashed with for the audit trail; made at the first start.
std::string audit_key(const policy::Site& site);
/// Which boot of this host it is (random(4)).
std::string read_boot_id();

/// drain.cpp: an earlier manager was told to drain, and never to undo it.
bool was_draining(const policy::Site& site);

/// What the parts of the manager share. Each coroutine holds it, so that it outlives them all.
struct Core {
    Core(boost::asio::io_context& context, policy::Site its_site, Tuning its_tuning)
        : io(context),
          site(std::move(its_site)),
          tuning(std::move(its_tuning)),
          catalog(site),
          launcher(std::make_shared<LauncherClient>(io, site.run_dir + "/launcher.sock", tuning)),
          slots(site.slots),
          store(io, store_path(site), open_audit(site)),
          audit_key(manager::audit_key(site)),
          boot_id(read_boot_id()),
          draining(was_draining(site)),
          reclaimer(io),
          kept_logs(std::make_shared<KeptLogs>(io, kept_logs_folder(site), site.logs, tuning.ended_age)),
          registry(tuning),
          probed_engines(tuning.probe_retry),
          admission(site, tuning, token_secret(site)),
          events(io.get_executor(), tuning.events_kept) {}

    boost::asio::io_context& io;
    policy::Site site; ///< reload.cpp alone changes it
    const Tuning tuning;
    Catalog catalog;
    std::shared_ptr<LauncherClient> launcher;
    Slots slots;
    StoreWriter store;
    const std::string audit_key;
    const std::string boot_id;
    bool draining; ///< takes no new sessions until that is undone
    Reclaimer reclaimer;
    const std::shared_ptr<KeptLogs> kept_logs;
    Registry registry;
    Tokens tokens;
    Accounts accounts;
    ProbedEngines probed_engines;
    Admission admission;
    EventLog events;
    Counters counters;
    std::uint64_t reloads = 0; ///< that changed what is in force
    bool reloading = false;
    bool reload_refused = false; ///< the last one
    bool swept = false;          ///< the launcher has told once what exists; until then nothing is launched
    bool shutting_down = false;  ///< ends all sessions, and takes no new ones
    bool leaving = false;        ///< ends itself, and leaves the sessions to the next manager
    Manager::PublishedConnection on_published_connection;
    std::function<void()> on_reload;
};

using CorePtr = std::shared_ptr<Core>;

// Each in the file of its name.

/// persistence.cpp: adds a session to the registry, and its record to the store, there anew at each step.
void keep(Core& core, const SessionPtr& session);
/// A line of the audit trail that this program writes of a session by itself.
void note_audit(Core& core, const Session& session, std::string action, std::string outcome,
                std::string detail);
/// Its record as it is now, or with the state that it takes next.
void put_record(Core& core, const Session& session, std::optional<State> next = {});
/// The same, with the account that has what the session has used.
void put_record(Core& core, const Session& session, const DayUsage& account);
/// Waits until all records are on the disk. False: they cannot be written now.
boost::asio::awaitable<bool> is_stored(CorePtr core);

/// usage_booking.cpp: what tenants have used, here and in the store.
void load_accounts(Core& core);
/// It counts as one that was made today.
void count_made(Core& core, const Session& session);
/// What it has used is in its tenant's account.
void book(Core& core, Session& session);
/// Of each session in this slice (sampler.hpp), which has just been sampled.
void account_slice(Core& core, unsigned slice);
/// From a day to a day, both with it, and what is not booked yet.
std::vector<DayUsage> usage_of(const Core& core, const std::string& tenant, const std::string& since,
                               const std::string& until);

/// token_service.cpp: the API tokens, here and in the store.
void load_tokens(Core& core);
boost::asio::awaitable<MadeToken> make_token(CorePtr core, NewToken asked);
boost::asio::awaitable<ApiToken> revoke_token(CorePtr core, std::string id);
std::optional<ApiToken> use_token(Core& core, const std::string& secret);

/// admit.cpp: checks the request and adds the session, which then has to be run.
Created admit(Core& core, CreateRequest request);

/// Which session a create with the same key is answered with.
void note_repeat(Core& core, const RepeatMark& mark, const std::string& id);

inline constexpr std::chrono::seconds kPressureRetry{10}; ///< as long as PSI's average looks back

// scheduler.cpp: see admission_state.hpp.
Need need_of(const Core& core, const Session& session);
Capacity taken_places(const Core& core);
/// What this session would have to wait for; none: it has a place now.
Shortage shortage_of(const Core& core, const Need& need);
/// For a session in the registry. Its turn may come at once.
void enter_queue(Core& core, Session& session, bool has_place, Duration timeout);
/// One that an earlier manager left before it was made; its time in the queue begins anew.
void enter_queue_again(Core& core, Session& session);
/// Gives out places and turns, as far as there are any.
void move_queue(Core& core);
/// The session has ended: it waits no more, and its place is free.
void leave_queue(Core& core, Session& session);
/// Returns when it may be started. False: it has ended, here by its deadline or meanwhile.
boost::asio::awaitable<bool> wait_for_turn(CorePtr core, SessionPtr session);
/// It is made, or not: the next may be started.
void end_turn(Core& core, Session& session);

/// reload.cpp: reads all files of the site again and takes them, here and at the launcher, or none of them.
boost::asio::awaitable<Reloaded> reload(CorePtr core);

inline constexpr std::chrono::seconds kDrainRetry{30};

/// drain.cpp: what waits in the queue is refused. Throws Error where that cannot be kept over a restart.
void set_draining(Core& core, bool draining);
Error draining_error();
/// Returns when no session lives, or at the deadline; how many do.
boost::asio::awaitable<std::size_t> wait_until_empty(CorePtr core, Duration timeout);

/// metrics.cpp: what is counted, and how things stand now.
std::vector<metric::Family> metrics_of(const Core& core);

/// pressure_report.cpp
PressureView pressure_of(Core& core);

/// launch.cpp: asks the launcher for the sandbox. False: it could not be made, and the session says why.
boost::asio::awaitable<bool> launch(CorePtr core, SessionPtr session);

/// readiness.cpp: returns when the engine answers, or the session must end; sets start_timeout.
boost::asio::awaitable<void> wait_until_serving(CorePtr core, SessionPtr session);

/// True when the engine's REST server answers in time.
boost::asio::awaitable<bool> engine_answers(SessionPtr session, Duration timeout);

/// exit_watch.cpp: tells the session when ChimeraX or its sandbox has ended.
void watch_engine(const CorePtr& core, const SessionPtr& session);
/// The same for a ChimeraX that was started again. Throw Error when the sandbox is gone.
void watch_payload_of(const CorePtr& core, const SessionPtr& session);

/// recovery.cpp: starts ChimeraX again in its sandbox, as its policy says, until it serves. Else the session
/// has to end.
boost::asio::awaitable<void> recover(CorePtr core, SessionPtr session);

/// autosave.cpp: saves what ChimeraX has open into the session's workspace as often as its policy says, until
/// the session must end.
boost::asio::awaitable<void> watch_autosave(CorePtr core, SessionPtr session);
/// Before a new start of ChimeraX: the last autosave is to be opened in it, unless opening it has ended
/// ChimeraX before.
void owe_autosave(Session& session);
/// Opens it, where it is owed to this start. That it fails is no reason to end.
boost::asio::awaitable<void> open_autosave(CorePtr core, SessionPtr session);

/// health_check.cpp: looks after a session that serves until it must end.
boost::asio::awaitable<void> watch_health(CorePtr core, SessionPtr session);

/// A request of an earlier manager may still be at work, which nobody can see: the session is `busy` until
/// its engine answers, and hung beyond the policy's command_timeout. Returns when that is known, and waits
/// for the answer beside all else.
boost::asio::awaitable<void> await_earlier_request(CorePtr core, SessionPtr session);

/// idle_timers.cpp: ends the session when it is idle for too long, or has lived for too long.
boost::asio::awaitable<void> watch_clocks(CorePtr core, SessionPtr session);

/// freeze.cpp: stops all of a session's processes, or lets them go on. The caller has the engine's turn.
boost::asio::awaitable<void> set_frozen(CorePtr core, SessionPtr session, bool frozen, std::string why);
/// The same for a caller; Error conflict for a session that is busy.
boost::asio::awaitable<SessionView> freeze_on_request(CorePtr core, SessionPtr session, bool frozen);

/// reclaim.cpp: a session whose processes stand still is `frozen` from now on, and its memory goes to the
/// swap, beside everything else.
void begin_rest(const CorePtr& core, const SessionPtr& session, const std::string& why);

/// publish.cpp: a listening socket on the host's loopback, whose connections go to the handler.
boost::asio::awaitable<void> publish(CorePtr core, SessionPtr session);

/// teardown.cpp: removes the sandbox and tells why it ended. Returns when nothing is left.
boost::asio::awaitable<void> end_session(CorePtr core, SessionPtr session);
/// What became of its log, once that is known.
boost::asio::awaitable<std::optional<SessionView::End::Log>> keep_log(CorePtr core, SessionPtr session,
                                                                      KeptLogs::HeldUp held_up);
/// The store knows nothing more of it, and its log goes too.
void forget(Core& core, std::string id);
/// The last step of every session: it is `ended`, its slot is free.
void finish(Core& core, const SessionPtr& session, SessionView::End end, const std::string& why);

/// session_runner.cpp: takes a session from `queued`, or from `recovering`, to `ended`.
boost::asio::awaitable<void> run_session(CorePtr core, SessionPtr session);
boost::asio::awaitable<void> resume_session(CorePtr core, SessionPtr session);
/// Lets one of them run by itself.
void start_running(const CorePtr& core, const SessionPtr& session, boost::asio::awaitable<void> life);

/// start_wait.cpp: what waits for a session that is on its way. Throws Error timed_out at the deadline, gone
/// where the session ends first, quota where too many wait already, unavailable where this manager leaves. A
/// caller that goes away (its coroutine is cancelled) is heeded here alone.

/// Until there is a sandbox, and its engine has answered once.
boost::asio::awaitable<void> until_made(CorePtr core, SessionPtr session);
/// Until it has a log; one that ends first is no error.
boost::asio::awaitable<void> until_logged(CorePtr core, SessionPtr session);
/// Until requests are taken; of one that is recovering, too. Who has the turn has its place already.
enum class WaitPlace { before_turn, in_turn };
boost::asio::awaitable<void> until_serving(CorePtr core, SessionPtr session, SteadyTime deadline,
                                           WaitPlace place = WaitPlace::before_turn);
/// The same, for those that have no time-out of their own.
boost::asio::awaitable<void> until_serving(CorePtr core, SessionPtr session);
/// Until the engine's turn comes, and it takes requests.
boost::asio::awaitable<FifoGate::Permit> enter_turn(CorePtr core, SessionPtr session, SteadyTime deadline);
/// Who waits here would wait for the next manager: Error unavailable.
void check_stays(const Core& core);

/// commands.cpp: several commands in one turn.
boost::asio::awaitable<CommandsRun> run_commands(CorePtr core, SessionPtr session, CommandList list);

/// engine_request.cpp: one request to the engine, when its turn comes.
boost::asio::awaitable<chimerax::RestReply> rest(CorePtr core, SessionPtr session,
                                                 chimerax::RestRequest request, Duration timeout);

/// exchange.cpp: a command of this program, which is no use of the session. The caller has the engine's turn,
/// or the session is recovering. Throws Error as a request does; what ChimeraX says of it is in the result.
boost::asio::awaitable<chimerax::CommandResult> own_command(CorePtr core, SessionPtr session,
                                                            std::string command);

/// adopt.cpp: takes over what an earlier manager left, by the store.
void adopt(const CorePtr& core);
/// Whether the launcher has a session's sandbox, and takes it over then. Asks until there is an answer.
boost::asio::awaitable<bool> attach(CorePtr core, SessionPtr session);

/// garbage_collect.cpp: sandboxes of which the store knows nothing, and the last words of those that are gone.
boost::asio::awaitable<void> sweep(CorePtr core);
/// The same when asked for, and what the launcher finds too; all that was found.
boost::asio::awaitable<std::vector<Leftover>> collect_garbage(CorePtr core, bool dry_run);
/// The launcher keeps the last figures of a sandbox until the store has them: once it has, it may forget
/// those of these sessions that live no longer. What fails is done by the next sweep.
boost::asio::awaitable<void> forget_last_words(CorePtr core, std::vector<std::string> ids);

/// workspace_files.cpp: files of its workspace, by the launcher.
boost::asio::awaitable<OpenedFile> open_file(CorePtr core, SessionPtr session, std::string path);
boost::asio::awaitable<OpenedFile> list_folder(CorePtr core, SessionPtr session, std::string path,
                                               std::string after);
boost::asio::awaitable<StoredFile> put_file(CorePtr core, SessionPtr session, NewFile file);
boost::asio::awaitable<void> remove_file(CorePtr core, SessionPtr session, std::string path,
                                         protocol::Preconditions only_if);

/// use.cpp: what a caller holds.
InUse use_of(const SessionPtr& session);

/// update_session.cpp: what a caller changes of it.
boost::asio::awaitable<SessionView> change_session(CorePtr core, SessionPtr session, SessionChange change);
boost::asio::awaitable<SessionView> restart_on_request(CorePtr core, SessionPtr session);

/// version_probe.cpp: finds out the version of a session's engine and whether it renders, unless known, in a
/// sandbox of its own.
void probe_engine(const CorePtr& core, const SessionPtr& session);

/// view.cpp: what a caller sees, with the engine's version.
SessionView view_of(const Core& core, const Session& session);
/// The same of one that has ended, with what has become of its log until now.
SessionView view_of(const Core& core, const SessionView& ended);

} // namespace sandbox::manager
