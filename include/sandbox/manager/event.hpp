#pragma once

#include "sandbox/base/duration.hpp"
#include "sandbox/manager/session_view.hpp"
#include "sandbox/manager/state.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sandbox::manager {

/// One of the two clocks that end a session.
enum class Clock { idle, lifetime };

std::string_view to_text(Clock clock);

/// Something that happened to a session, for whoever follows it.
struct Event {
    enum class Type {
        state,    ///< it went from one state to another; not between ready and busy
        expiring, ///< one of its clocks ends it soon, unless somebody uses or extends it
    };

    std::uint64_t id = 0; ///< greater than that of every earlier event of this manager
    Type type = Type::state;
    WallTime at{};
    std::string session, tenant;

    State state = State::queued; ///< now
    std::optional<State> previous;
    std::string message; ///< for people
    std::optional<EndReason> reason;

    // Type expiring.
    Clock clock = Clock::idle;
    WallTime expires_at{};
    Duration left{};
};

std::string_view to_text(Event::Type type);

} // namespace sandbox::manager
