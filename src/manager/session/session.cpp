#include "manager/session/session.hpp"

#include "manager/metering/usage.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/protocol/message.hpp"

#include <algorithm>
#include <utility>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

const char* health_text(State state, unsigned failed_checks) {
    switch (state) {
    case State::queued:
    case State::starting:
        return "starting";
    case State::ready:
        return failed_checks == 0 ? "healthy" : "unhealthy";
    case State::busy:
        return "busy";
    case State::recovering:
        return "recovering";
    case State::frozen:
        return "frozen";
    case State::ending:
    case State::ended:
        return "ended";
    case State::stuck:
        return "unhealthy";
    }
    return "unhealthy";
}

/// As many at once as the launcher takes, of each session; the others wait, as their bodies are here already.
constexpr std::size_t kMaxPuts = 4, kMaxWaitingPuts = 1024, kMaxLists = 1, kMaxWaitingLists = 16;

bool is_every_day(State from, State to) {
    return (from == State::ready && to == State::busy) || (from == State::busy && to == State::ready);
}

WallTime wall_time_of(BootClock::time_point time) {
    const auto ahead = std::chrono::duration_cast<WallTime::duration>(time - BootClock::now());
    return std::chrono::system_clock::now() + ahead;
}

} // namespace

Session::Session(asio::io_context& io, const Tuning& tuning, Kind kind, SessionView first_facts,
                 policy::Policy effective, policy::Overrides asked, std::string hash)
    : facts(std::move(first_facts)),
      policy(std::move(effective)),
      overrides(std::move(asked)),
      token_hash(std::move(hash)),
      grace(policy.chimerax.grace),
      lifecycle(policy.lifecycle),
      changed(io.get_executor()),
      turns(io.get_executor(), 1, tuning.rest_queue),
      puts(io.get_executor(), kMaxPuts, kMaxWaitingPuts),
      lists(io.get_executor(), kMaxLists, kMaxWaitingLists),
      io_(io),
      kind_(kind),
      usage_age_(tuning.usage_age) {}

void Session::check_lives() const {
    if (state_ == State::ending || state_ == State::ended)
        throw Error(Errc::gone, "session " + id() + " has ended, or is about to", "Make a new session.");
}

void Session::check_serves() const {
    check_lives();
    if (!serves())
        throw Error(Errc::conflict, "session " + id() + " is " + std::string(to_text(state_)) + ", not ready",
                    "Wait until it is ready.", "state");
}

void Session::move_to(State next, const std::string& why) {
    if (!may_follow(state_, next)) {
        throw Error(Errc::internal, "session " + id() + ": " + std::string(to_text(next)) +
                                        " must not follow " + std::string(to_text(state_)));
    }
    const log::Subject self{facts.id, facts.tenant};
    const std::string text = "session " + id() + " of " + facts.tenant + ": " + std::string(to_text(state_)) +
                             " -> " + std::string(to_text(next)) + ": " + why;
    if (is_every_day(state_, next))
        log::debug(self, text);
    else if (next == State::stuck)
        log::error(self, text);
    else
        log::info(self, text);
    const State before = std::exchange(state_, next);
    if (next != State::frozen) {
        stop_reclaim();
        facts.rest.reset();
    }
    if (on_moved && !is_every_day(before, next))
        on_moved(before, why);
    changed.notify();
}

void Session::stop_reclaim() {
    if (reclaim_stop)
        *reclaim_stop = true;
}

void Session::restore(State left_as, BootClock::time_point created, const std::optional<EndRequest>& intent) {
    state_ = State::recovering;
    left_as_ = left_as;
    created_ = created;
    unsaved = left_as != State::recovering; // for all that is known
    intent_ = intent;
    counted.by_earlier_manager = true;
    // Without a wish, it ended because ChimeraX had.
    engine_gone_ = !intent && (left_as == State::ending || left_as == State::stuck);
}

bool Session::request_end(EndReason reason, const std::string& message) {
    // One that is recovering goes on unless somebody wants its end.
    if (intent_ || (engine_gone_ && state_ != State::recovering))
        return false;
    intent_ = EndRequest{reason, message};
    changed.notify();
    return true;
}

void Session::engine_ended(std::uint64_t start, const std::string& how) {
    if (must_end() || start != engine_start())
        return;
    log::info({facts.id, facts.tenant}, "session " + id() + ": " + how);
    engine_gone_ = true;
    if (policy.recovery.max_restarts > 0 && serves()) {
        left_as_ = State::recovering;
        move_to(State::recovering, how);
    }
    changed.notify();
}

void Session::engine_hung(const std::string& message) {
    if (must_end())
        return;
    if (policy.recovery.max_restarts == 0 || (!serves() && state_ != State::recovering)) {
        request_end(EndReason::hung, message);
        return;
    }
    hung_message_ = message;
    engine_ended(engine_start(), message);
}

void Session::engine_unwanted(const std::string& why) {
    if (must_end())
        return;
    hung_message_ = why;
    restart_asked_ = true;
    engine_gone_ = true;
    left_as_ = State::recovering;
    move_to(State::recovering, why);
}

void Session::engine_restarting() {
    if (!restart_asked_) // only those that nobody wanted make a crash loop
        restarts_.push_back(BootClock::now());
    ++facts.restarts;
}

void Session::engine_restarted() {
    engine_gone_ = false;
    hung_message_.clear();
    restart_asked_ = false;
    failed_checks = 0;
    exit_asked = false;
    unsaved = false;
}

std::size_t Session::recent_restarts() const {
    return static_cast<std::size_t>(std::ranges::count_if(restarts_, [&](BootClock::time_point at) {
        return BootClock::now() - at <= policy.recovery.window;
    }));
}

void Session::restart_idle_clock() {
    active_at_ = BootClock::now();
}

void Session::note_activity() {
    restart_idle_clock();
    facts.last_activity_at = std::chrono::system_clock::now();
}

void Session::extend(Duration by) {
    if (!lifecycle.max_lifetime)
        throw Error(Errc::conflict, "session " + id() + " has no end of its lifetime",
                    "There is nothing to extend; touch puts off its end by idleness.", "seconds");
    const Duration ceiling = policy.override_ceilings.max_lifetime.value_or(
        policy.lifecycle.max_lifetime.value_or(*lifecycle.max_lifetime));
    if (*lifecycle.max_lifetime + by > ceiling) {
        const Duration left = std::max(ceiling - *lifecycle.max_lifetime, Duration::zero());
        throw Error(Errc::denied,
                    "its policy lets a session live for " + format_duration(ceiling) + " in all, and " +
                        format_duration(left) + " of that can be given still",
                    left > Duration::zero() ? "Extend it by less." : "Make a new session.", "seconds");
    }
    *lifecycle.max_lifetime += by;
}

std::optional<BootClock::time_point> Session::idle_at() const {
    if (!lifecycle.end_after || !active_at_)
        return std::nullopt;
    return (in_use() ? BootClock::now() : *active_at_) + *lifecycle.end_after;
}

std::optional<BootClock::time_point> Session::freeze_at() const {
    if (!lifecycle.freeze_after || !active_at_ || state_ == State::frozen)
        return std::nullopt;
    return (in_use() ? BootClock::now() : *active_at_) + *lifecycle.freeze_after;
}

std::optional<BootClock::time_point> Session::lifetime_at() const {
    return lifecycle.max_lifetime ? std::optional(created_ + *lifecycle.max_lifetime) : std::nullopt;
}

void Session::take_launched(protocol::Launched launched, std::vector<UniqueFd> descriptors) {
    facts.slot = launched.slot;
    facts.uid = launched.uid;
    facts.pid = launched.engine_pid;
    facts.address = std::move(launched.address);
    facts.port = launched.port;
    facts.cgroup = std::move(launched.cgroup);
    facts.log_dir = std::move(launched.log_dir);
    facts.not_enforced = std::move(launched.not_enforced);
    facts.enforced = {launched.memory_max, launched.cpus, launched.pids_max};
    facts.engine.executable = std::move(launched.executable);
    facts.engine.stand_in = launched.stand_in;
    facts.timeline = std::move(launched.timeline);
    changed.notify(); // it has a log now
    if (descriptors.size() < 2)
        return;
    const int pidfd = descriptors[0].release();
    init_pidfd.emplace(io_, pidfd);
    cgroup = kernel::CgroupDir(std::move(descriptors[1]), facts.cgroup);
    figures = std::make_unique<CgroupMeter>(cgroup);
}

void Session::let_go() {
    init_pidfd.reset();
    payload_events.reset();
    published.reset();
    figures.reset();
    cgroup = kernel::CgroupDir();
}

const SessionView::Usage& Session::usage() const {
    if (figures)
        usage_ = usage_of(figures->sample(BootClock::now(), usage_age_));
    return usage_;
}

SessionView Session::view() const {
    SessionView view = facts;
    view.state = state_;
    view.health.status = health_text(state_, failed_checks);
    if (request_since) {
        view.health.in_flight_seconds =
            std::chrono::duration<double>(BootClock::now() - *request_since).count();
    }
    view.usage = usage();
    if (const auto at = idle_at())
        view.expires.idle_at = wall_time_of(*at);
    if (const auto at = lifetime_at())
        view.expires.lifetime_at = wall_time_of(*at);
    return view;
}

asio::ip::tcp::endpoint Session::endpoint() const {
    boost::system::error_code error;
    const auto address = asio::ip::make_address_v4(facts.address, error);
    if (error)
        throw Error(Errc::internal, "session " + id() + " has no IPv4 address: " + facts.address);
    return {address, facts.port};
}

} // namespace sandbox::manager
