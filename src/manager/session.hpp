#pragma once

#include "fifo_gate.hpp"
#include "sandbox/kernel/cgroup.hpp"
#include "sandbox/manager/session_view.hpp"
#include "sandbox/manager/tuning.hpp"
#include "sandbox/policy/policy.hpp"
#include "signal.hpp"
#include "verdict.hpp"

#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace sandbox::manager {

/// The reserved tenant and the built-in policy under which engines are looked at.
inline constexpr const char* kProbe = "probe";

/// Who made a session, and so who sees it.
enum class Kind {
    tenant, ///< a caller
    probe,  ///< this program, to look at an engine; in no list
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
    bool serves() const { return state_ == State::ready || state_ == State::busy; }

    /// The only way from one state to another: checked against the table, logged, and all waiters woken.
    /// Throws Error internal for a step that the table does not know.
    void move_to(State next, const std::string& why);

    /// Something ends this session. The first reason stays; false: there was one already, or ChimeraX had
    /// ended by itself before.
    bool want_end(EndReason reason, const std::string& message);
    /// ChimeraX has ended by itself.
    void engine_ended(const std::string& how);
    bool must_end() const { return intent_.has_value() || engine_gone_; }
    bool engine_gone() const { return engine_gone_; }
    const std::optional<Intent>& intent() const { return intent_; }

    /// Takes over what the launcher said and sent of it.
    void take_launched(protocol::Launched launched, std::vector<UniqueFd> descriptors);
    /// Closes everything that belongs to the running sandbox.
    void let_go();

    /// What a caller sees now, without the engine's version.
    SessionView view() const;
    boost::asio::ip::tcp::endpoint endpoint() const;

    SessionView facts;     ///< all that is not computed by `view`
    policy::Policy policy; ///< with the overrides in it
    policy::Overrides overrides;
    std::string token_hash;
    std::string probe_of; ///< kind probe: the policy whose engine is looked at
    Duration grace{};
    bool has_slot = false; ///< then it is given back when the session has ended
    Signal changed;
    FifoGate turns; ///< to talk to the engine: one at a time

    kernel::CgroupDir cgroup;
    std::optional<boost::asio::posix::stream_descriptor> init_pidfd;
    std::optional<boost::asio::posix::stream_descriptor> payload_events;
    std::optional<boost::asio::ip::tcp::acceptor> published;

    std::optional<BootClock::time_point> request_since; ///< of the request that the engine works on
    unsigned failed_checks = 0;
    std::string log_tail; ///< the last lines, once it is known that somebody will want them

  private:
    const SessionView::Usage& usage() const;

    boost::asio::io_context& io_;
    const Kind kind_;
    const Duration usage_age_;
    State state_ = State::queued;
    std::optional<Intent> intent_;
    bool engine_gone_ = false;
    mutable SessionView::Usage usage_;
    mutable std::optional<BootClock::time_point> usage_read_at_;
};

using SessionPtr = std::shared_ptr<Session>;

} // namespace sandbox::manager
