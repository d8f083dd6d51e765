#pragma once

#include "manager/session/context.hpp"

namespace sandbox::manager {

// These wait for a session that is on its way. They throw Error timed_out at the deadline, gone where the
// session ends first, quota where too many wait already, unavailable where this manager leaves. A caller that
// goes away (its coroutine is cancelled) is heeded here alone.

/// Waits until there is a sandbox, and its engine has answered once.
boost::asio::awaitable<void> until_made(ContextPtr context, SessionPtr session);
/// Until it has a log; one that ends first is no error.
boost::asio::awaitable<void> until_logged(ContextPtr context, SessionPtr session);
/// Until requests are taken; of one that is recovering, too. Who has the turn has its place already.
enum class WaitPlace { before_turn, in_turn };
boost::asio::awaitable<void> until_serving(ContextPtr context, SessionPtr session, SteadyTime deadline,
                                           WaitPlace place = WaitPlace::before_turn);
/// The same, for those that have no time-out of their own.
boost::asio::awaitable<void> until_serving(ContextPtr context, SessionPtr session);
/// Until the engine's turn comes, and it takes requests.
boost::asio::awaitable<async::FairSemaphore::Permit> enter_turn(ContextPtr context, SessionPtr session,
                                                                SteadyTime deadline);
/// Who waits here would wait for the next manager: Error unavailable.
void check_stays(const Context& context);

} // namespace sandbox::manager
