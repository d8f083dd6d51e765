#include "sandbox/manager/state.hpp"

#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

using namespace sandbox::manager;

namespace {

const std::vector kAllStates{State::queued, State::starting, State::ready, State::busy,
                             State::frozen, State::ending,   State::ended, State::stuck};
const std::vector kAllReasons{EndReason::deleted,       EndReason::exited,        EndReason::signalled,
                              EndReason::oom,           EndReason::start_timeout, EndReason::hung,
                              EndReason::launch_failed, EndReason::shutdown,      EndReason::cancelled,
                              EndReason::orphaned,      EndReason::idle,          EndReason::lifetime};

std::set<State> reachable_from(State from) {
    std::set<State> reached;
    std::vector<State> open{from};
    while (!open.empty()) {
        const State at = open.back();
        open.pop_back();
        for (const State next : kAllStates) {
            if (may_follow(at, next) && reached.insert(next).second)
                open.push_back(next);
        }
    }
    return reached;
}

} // namespace

TEST_CASE("every state and reason has a text of its own that leads back to it") {
    std::set<std::string_view> texts;
    for (const State state : kAllStates) {
        CHECK(state_from_text(to_text(state)) == state);
        CHECK(texts.insert(to_text(state)).second);
    }
    texts.clear();
    for (const EndReason reason : kAllReasons) {
        CHECK(end_reason_from_text(to_text(reason)) == reason);
        CHECK(texts.insert(to_text(reason)).second);
    }
    for (const LogFate fate :
         {LogFate::kept, LogFate::expired, LogFate::dropped, LogFate::failed, LogFate::off})
        CHECK(log_fate_from_text(to_text(fate)) == fate);
    CHECK_FALSE(log_fate_from_text("Kept").has_value());
    CHECK_FALSE(state_from_text("Ready").has_value());
    CHECK_FALSE(end_reason_from_text("").has_value());
}

TEST_CASE("every state can end, and nothing follows ended") {
    for (const State state : kAllStates) {
        INFO(to_text(state));
        if (state == State::ended)
            CHECK(reachable_from(state).empty());
        else
            CHECK(reachable_from(state).contains(State::ended));
        CHECK_FALSE(may_follow(state, state));
    }
}

TEST_CASE("a sandbox that exists only goes through ending, and never back") {
    for (const State state : {State::ready, State::busy})
        CHECK_FALSE(may_follow(state, State::ended));
    for (const State state : {State::ending, State::stuck}) {
        CHECK_FALSE(may_follow(state, State::ready));
        CHECK_FALSE(may_follow(state, State::busy));
        CHECK_FALSE(may_follow(state, State::starting));
    }
}
