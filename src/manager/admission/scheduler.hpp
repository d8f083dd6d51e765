#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

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

} // namespace sandbox::manager
