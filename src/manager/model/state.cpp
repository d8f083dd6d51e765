#include "sandbox/manager/state.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>

namespace sandbox::manager {
namespace {

constexpr unsigned bits(std::initializer_list<State> states) {
    unsigned mask = 0;
    for (const State state : states)
        mask |= 1U << static_cast<unsigned>(state);
    return mask;
}

struct StateRow {
    State state;
    std::string_view text;
    unsigned followers;
};

constexpr std::array kStates{
    StateRow{State::queued, "queued", bits({State::starting, State::ended})},
    // Straight to ended: the launcher refused, so nothing was made.
    StateRow{State::starting, "starting", bits({State::ready, State::ending, State::ended})},
    StateRow{State::ready, "ready", bits({State::busy, State::frozen, State::recovering, State::ending})},
    StateRow{State::busy, "busy", bits({State::ready, State::recovering, State::ending})},
    StateRow{State::frozen, "frozen", bits({State::ready, State::recovering, State::ending})},
    // To busy: it may work on a request of an earlier manager. Back to queued: it was in the making, and
    // nothing of it is there. Straight to ended: the host's restart left nothing.
    StateRow{State::recovering, "recovering",
             bits({State::queued, State::starting, State::ready, State::busy, State::frozen, State::ending,
                   State::ended})},
    StateRow{State::ending, "ending", bits({State::ended, State::stuck})},
    StateRow{State::ended, "ended", bits({})},
    StateRow{State::stuck, "stuck", bits({State::ended})},
};

struct ReasonRow {
    EndReason reason;
    std::string_view text;
};

constexpr std::array kReasons{
    ReasonRow{EndReason::deleted, "deleted"},
    ReasonRow{EndReason::idle, "idle"},
    ReasonRow{EndReason::lifetime, "lifetime"},
    ReasonRow{EndReason::exited, "exited"},
    ReasonRow{EndReason::signalled, "signalled"},
    ReasonRow{EndReason::oom, "oom"},
    ReasonRow{EndReason::start_timeout, "start_timeout"},
    ReasonRow{EndReason::hung, "hung"},
    ReasonRow{EndReason::crash_loop, "crash_loop"},
    ReasonRow{EndReason::launch_failed, "launch_failed"},
    ReasonRow{EndReason::queue_timeout, "queue_timeout"},
    ReasonRow{EndReason::shutdown, "shutdown"},
    ReasonRow{EndReason::cancelled, "cancelled"},
    ReasonRow{EndReason::orphaned, "orphaned"},
    ReasonRow{EndReason::host_restarted, "host_restarted"},
};

struct FateRow {
    LogFate fate;
    std::string_view text;
};

constexpr std::array kFates{
    FateRow{LogFate::kept, "kept"},       FateRow{LogFate::expired, "expired"},
    FateRow{LogFate::dropped, "dropped"}, FateRow{LogFate::failed, "failed"},
    FateRow{LogFate::off, "off"},
};

// Rows stand in the order of their enum, so that looking one up is an index.
static_assert([] {
    for (std::size_t i = 0; i < kStates.size(); ++i) {
        if (static_cast<std::size_t>(kStates[i].state) != i)
            return false;
    }
    for (std::size_t i = 0; i < kReasons.size(); ++i) {
        if (static_cast<std::size_t>(kReasons[i].reason) != i)
            return false;
    }
    for (std::size_t i = 0; i < kFates.size(); ++i) {
        if (static_cast<std::size_t>(kFates[i].fate) != i)
            return false;
    }
    return true;
}());

} // namespace

std::string_view to_text(State state) {
    return kStates.at(static_cast<std::size_t>(state)).text;
}

std::string_view to_text(EndReason reason) {
    return kReasons.at(static_cast<std::size_t>(reason)).text;
}

std::string_view to_text(LogFate fate) {
    return kFates.at(static_cast<std::size_t>(fate)).text;
}

std::optional<State> state_from_text(std::string_view text) {
    const auto row = std::ranges::find(kStates, text, &StateRow::text);
    return row == kStates.end() ? std::nullopt : std::optional(row->state);
}

std::string all_states_text() {
    std::string text;
    for (const StateRow& row : kStates)
        text += (text.empty() ? "" : &row == &kStates.back() ? " and " : ", ") + std::string(row.text);
    return text;
}

std::optional<EndReason> end_reason_from_text(std::string_view text) {
    const auto row = std::ranges::find(kReasons, text, &ReasonRow::text);
    return row == kReasons.end() ? std::nullopt : std::optional(row->reason);
}

std::optional<LogFate> log_fate_from_text(std::string_view text) {
    const auto row = std::ranges::find(kFates, text, &FateRow::text);
    return row == kFates.end() ? std::nullopt : std::optional(row->fate);
}

bool may_follow(State from, State to) {
    return (kStates.at(static_cast<std::size_t>(from)).followers & bits({to})) != 0;
}

} // namespace sandbox::manager
