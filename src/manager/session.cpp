#include "session.hpp"

#include "sandbox/base/log.hpp"
#include "usage.hpp"

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
    case State::ending:
    case State::ended:
        return "ended";
    case State::stuck:
        return "unhealthy";
    }
    return "unhealthy";
}

bool is_every_day(State from, State to) {
    return (from == State::ready && to == State::busy) || (from == State::busy && to == State::ready);
}

} // namespace

Session::Session(asio::io_context& io, const Tuning& tuning, Kind kind, SessionView first_facts,
                 policy::Policy effective, policy::Overrides asked, std::string hash)
    : facts(std::move(first_facts)),
      policy(std::move(effective)),
      overrides(std::move(asked)),
      token_hash(std::move(hash)),
      grace(policy.chimerax.grace),
      changed(io.get_executor()),
      turns(io.get_executor(), 1, tuning.rest_queue),
      io_(io),
      kind_(kind),
      usage_age_(tuning.usage_age) {}

void Session::move_to(State next, const std::string& why) {
    if (!may_follow(state_, next)) {
        throw Error(Errc::internal, "session " + id() + ": " + std::string(to_text(next)) +
                                        " must not follow " + std::string(to_text(state_)));
    }
    const std::string text = "session " + id() + " of " + facts.tenant + ": " + std::string(to_text(state_)) +
                             " -> " + std::string(to_text(next)) + ": " + why;
    if (is_every_day(state_, next))
        log::debug(text);
    else if (next == State::stuck)
        log::error(text);
    else
        log::info(text);
    state_ = next;
    changed.notify();
}

bool Session::want_end(EndReason reason, const std::string& message) {
    if (must_end())
        return false;
    intent_ = Intent{reason, message};
    changed.notify();
    return true;
}

void Session::engine_ended(const std::string& how) {
    if (must_end())
        return;
    log::info("session " + id() + ": " + how);
    engine_gone_ = true;
    changed.notify();
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
    if (descriptors.size() < 2)
        return;
    const int pidfd = descriptors[0].release();
    init_pidfd.emplace(io_, pidfd);
    cgroup = kernel::CgroupDir(std::move(descriptors[1]), facts.cgroup);
}

void Session::let_go() {
    init_pidfd.reset();
    payload_events.reset();
    published.reset();
    cgroup = kernel::CgroupDir();
}

const SessionView::Usage& Session::usage() const {
    const auto now = BootClock::now();
    if (cgroup && (!usage_read_at_ || now - *usage_read_at_ > usage_age_)) {
        usage_ = read_usage(cgroup);
        usage_read_at_ = now;
    }
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
