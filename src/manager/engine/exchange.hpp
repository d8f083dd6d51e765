#pragma once

#include "manager/session/context.hpp"
#include "sandbox/chimerax/command_result.hpp"
#include "sandbox/chimerax/rest_client.hpp"

#include <exception>
#include <functional>
#include <vector>

namespace sandbox::manager {

/// What a caller has the engine do in one turn: requests of which each is sent after the answer to the one
/// before.
struct Exchange {
    Exchange(const boost::asio::any_io_executor& executor, std::vector<chimerax::RestRequest> all)
        : requests(std::move(all)),
          done(executor) {}

    std::vector<chimerax::RestRequest> requests;
    /// Gets each answer and the time that it took, and says whether the next request may follow. Throws Error
    /// for one that is not understood.
    std::function<bool(chimerax::RestReply, SteadyTime::duration took)> take;
    std::size_t answered = 0;
    Bytes received;         ///< of all answers
    bool abandoned = false; ///< nobody waits any more: what is sent runs on, and nothing follows
    bool finished = false;
    bool not_sent = false; ///< nobody took the connection
    std::exception_ptr failure;
    async::Notifier done;
};

using ExchangePtr = std::shared_ptr<Exchange>;

/// Throws Error for a request that ChimeraX must not see.
void check_target(const chimerax::RestRequest& request);

/// Returns when all is answered that is to be; throws Error, the same as Manager::rest. What is sent is of
/// the session from then on, whatever becomes of the caller.
boost::asio::awaitable<void> exchange_in_turn(ContextPtr context, SessionPtr session, ExchangePtr exchange,
                                              Duration timeout);

/// A command of this program, which is no use of the session. The caller has the engine's turn,
/// or the session is recovering. Throws Error as a request does; what ChimeraX says of it is in the result.
boost::asio::awaitable<chimerax::CommandResult> run_internal_command(ContextPtr context, SessionPtr session,
                                                                     std::string command);

} // namespace sandbox::manager
