#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

inline constexpr std::chrono::seconds kPressureRetry{10}; ///< as long as PSI's average looks back

// What a place and a turn are, AdmissionState says.
Need need_of(const Context& context, const Session& session);
Capacity reserved_capacity(const Context& context);
/// What this session would have to wait for; none: it has a place now.
Shortage shortage_of(const Context& context, const Need& need);
/// For a session in the registry. Its turn may come at once.
void enqueue(Context& context, Session& session, bool has_place, Duration timeout);
/// One that an earlier manager left before it was made; its time in the queue begins anew.
void enqueue_again(Context& context, Session& session);
/// Gives out places and turns, as far as there are any.
void schedule(Context& context);
/// The session has ended: it waits no more, and its place is free.
void leave_queue(Context& context, Session& session);
/// Returns when it may be started. False: it has ended, here by its deadline or meanwhile.
boost::asio::awaitable<bool> wait_for_turn(ContextPtr context, SessionPtr session);
/// It is made, or not: the next may be started.
void end_turn(Context& context, Session& session);

} // namespace sandbox::manager
