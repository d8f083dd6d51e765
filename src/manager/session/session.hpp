#pragma once

#include "manager/metering/cgroup_meter.hpp"
#include "manager/metering/cpu_activity.hpp"
#include "manager/metering/usage_ledger.hpp"
#include "manager/model/end_reason.hpp"
#include "manager/model/idempotency_key.hpp"
#include "manager/session/memory_reclaimer.hpp"
#include "sandbox/async/fair_semaphore.hpp"
#include "sandbox/async/notifier.hpp"
#include "sandbox/kernel/cgroup.hpp"
#include "sandbox/manager/session_view.hpp"
#include "sandbox/manager/tuning.hpp"
#include "sandbox/policy/policy.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace sandbox::protocol {
struct Launched;
}

namespace sandbox::manager {

/// The reserved tenant and the built-in policy under which engines are looked at.
inline constexpr const char* kProbe = "probe";

/// Who made a session, and so who sees it.
enum class Kind {
    tenant, ///< a caller
    probe,  ///< this program, to look at an engine; in no list
};

/// Where a session stands with admission_state.hpp. One that this program finds, and did not admit, has its
/// place.
struct Reservation {
    bool taken = true;    ///< it counts for the limits
    bool starts = false;  ///< it has one of the turns
    SteadyTime since{};   ///< it waits
    SteadyTime turn_at{}; ///< it was given its turn
    SteadyTime deadline = SteadyTime::max();
};

/// What of a session's use the counters have already.
struct CountedUse {
    std::chrono::microseconds cpu{0};
    std::uint64_t oom_kills = 0;
    bool by_earlier_manager = false; ///< what it has used until the first look, an earlier one has counted
};

/// One live session: what is known of it, and its state machine. The coroutine `run_session` takes it through
/// its life; all others only wish (want_end) or wait (changed).
class Session : public std::enable_shared_from_this<Session> {
  public:
    Session(boost::asio::io_context& io, const Tuning& tuning, Kind kind, SessionView facts,
            policy::Policy policy, policy::Overrides overrides, std::string token_hash);

    const std::string& id() const { return facts.id; }
    Kind kind() const { return kind_; }
    State state() const { return state_; }
    /// Requests are taken; of one that is frozen after it has been thawed.
    bool serves() const { return state_ == State::ready || state_ == State::busy || state_ == State::frozen; }
    /// Throws Error gone for one that ends or has ended, conflict where it does not serve for another reason.
    void check_serves() const;
    /// Throws Error gone for one that ends or has ended.
    void check_lives() const;

    /// The only way from one state to another: checked against the table, logged, and all waiters woken.
    /// Throws Error internal for a step that the table does not know.
    void move_to(State next, const std::string& why);

    /// Something ends this session. The first reason stays; false: there was one already, or ChimeraX had
    /// ended by itself before.
    bool request_end(EndReason reason, const std::string& message);
    /// ChimeraX has ended by itself, in that start of it. Where its policy starts it again, it is
    /// `recovering` from this moment.
    void engine_ended(std::uint64_t start, const std::string& how);
    /// It stopped answering: as if it had ended, where its policy starts it again; else the session ends.
    void engine_hung(const std::string& message);
    /// Somebody wants a new one in its place, whatever its policy says: it is `recovering` from this moment.
    void engine_unwanted(const std::string& why);
    bool restart_is_asked() const { return restart_asked_; }
    /// The next start of it is asked for; what is heard of the one before no longer counts.
    void engine_restarting();
    /// It is there.
    void engine_restarted();
    /// Which start of ChimeraX in this sandbox it is, from 1.
    std::uint64_t engine_start() const { return facts.restarts + 1; }
    /// What is known of a hang; empty for a crash.
    const std::string& hung_message() const { return hung_message_; }
    /// The restarts of the policy's window.
    std::size_t recent_restarts() const;
    bool must_end() const { return intent_.has_value() || engine_gone_; }
    bool engine_gone() const { return engine_gone_; }
    const std::optional<EndRequest>& intent() const { return intent_; }

    /// Takes over what the launcher said and sent of it.
    void take_launched(protocol::Launched launched, std::vector<UniqueFd> descriptors);
    /// Closes everything that belongs to the running sandbox.
    void let_go();

    /// It is one that an earlier manager left: `recovering`, until it is known what is there of it.
    void restore(State left_as, BootClock::time_point created, const std::optional<EndRequest>& intent);
    /// What it was when that manager left it.
    State left_as() const { return left_as_; }

    /// Somebody uses it: the idle clock begins anew.
    void note_activity();
    /// Somebody uses it now, and its idle clock stands.
    bool in_use() const { return state_ == State::busy || uses > 0; }
    void restart_idle_clock();
    /// Puts the end of its lifetime off. Throws Error conflict where none is set, denied beyond the ceiling
    /// of its policy.
    void extend(Duration by);
    /// When its clocks end it, where they run. A session that is not ready yet is not idle.
    std::optional<BootClock::time_point> idle_at() const;
    std::optional<BootClock::time_point> lifetime_at() const;
    BootClock::time_point created() const { return created_; }
    std::optional<BootClock::time_point> freeze_at() const;

    /// It is to run again, or to end: its memory is left where it is.
    void stop_reclaim();

    /// What a caller sees now, without the engine's version.
    SessionView view() const;
    boost::asio::ip::tcp::endpoint endpoint() const;

    SessionView facts;     ///< all that is not computed by `view`
    policy::Policy policy; ///< with the overrides in it
    policy::Overrides overrides;
    std::string token_hash;
    std::string probe_of; ///< kind probe: the policy whose engine is looked at
    Duration grace{};
    policy::Lifecycle lifecycle; ///< the policy's clocks, or the caller's shorter ones
    Reservation reservation;
    bool has_slot = false; ///< then it is given back when the session has ended
    /// After each step but those between ready and busy, before anybody wakes.
    std::function<void(State from, const std::string& why)> on_moved;
    async::Notifier changed;
    async::FairSemaphore turns;        ///< to talk to the engine: one at a time
    async::FairSemaphore puts;         ///< files that the launcher copies into the workspace
    async::FairSemaphore lists;        ///< of folders: everybody waits for the launcher meanwhile
    unsigned uses = 0;                 ///< see use.hpp
    unsigned files_coming = 0;         ///< who copies one would be frozen with the session
    std::size_t waiting_for_start = 0; ///< requests that came before it serves

    kernel::CgroupDir cgroup;
    std::unique_ptr<CgroupMeter> figures; ///< while there is a sandbox
    CpuActivity cpu_activity;
    CountedUse counted;
    UnbookedUsage open_use;
    std::string open_day;              ///< which that is for
    BootClock::time_point booked_at{}; ///< the last time
    std::optional<boost::asio::posix::stream_descriptor> init_pidfd;
    std::optional<boost::asio::posix::stream_descriptor> payload_events;
    std::optional<boost::asio::ip::tcp::acceptor> published;

    std::optional<BootClock::time_point> request_since; ///< of the request that the engine works on
    unsigned failed_checks = 0;
    bool exit_asked = false; ///< by the last request, which was not answered
    std::string log_tail;    ///< the last lines, once it is known that somebody will want them
    StopFlag reclaim_stop;   ///< of the reclaim of its memory, where there was one
    bool unsaved = false;    ///< it was given a command since its last autosave
    std::optional<IdempotencyMark> repeat;

  private:
    const SessionView::Usage& usage() const;

    boost::asio::io_context& io_;
    const Kind kind_;
    const Duration usage_age_;
    State state_ = State::queued;
    State left_as_ = State::queued;
    std::optional<EndRequest> intent_;
    bool engine_gone_ = false;
    std::string hung_message_;
    bool restart_asked_ = false;
    std::deque<BootClock::time_point> restarts_;
    BootClock::time_point created_ = BootClock::now();
    std::optional<BootClock::time_point> active_at_;
    mutable SessionView::Usage usage_;
};

using SessionPtr = std::shared_ptr<Session>;

} // namespace sandbox::manager
