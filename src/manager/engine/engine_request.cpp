#include "manager/engine/engine_request.hpp"

#include "manager/engine/exchange.hpp"
#include "manager/session/use.hpp"

#include <utility>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

asio::awaitable<chimerax::RestReply> reply_in_turn(ContextPtr context, SessionPtr session,
                                                   chimerax::RestRequest request, Duration timeout) {
    check_target(request);
    std::vector<chimerax::RestRequest> requests;
    requests.push_back(std::move(request));
    const auto exchange = std::make_shared<Exchange>(context->io.get_executor(), std::move(requests));
    // Its own: the caller may have gone when the answer comes.
    const auto reply = std::make_shared<chimerax::RestReply>();
    exchange->take = [reply](chimerax::RestReply its, SteadyTime::duration) {
        *reply = std::move(its);
        return false;
    };
    co_await exchange_in_turn(context, session, exchange, timeout);
    co_return std::move(*reply);
}

} // namespace

asio::awaitable<chimerax::RestReply> send_request(ContextPtr context, SessionPtr session,
                                                  chimerax::RestRequest request, Duration timeout) {
    const bool is_command = session->kind() == Kind::tenant && request.target.starts_with("/run");
    const SteadyTime started = std::chrono::steady_clock::now();
    const Use use(session); // in the queue, too, and while ChimeraX is started again
    try {
        chimerax::RestReply reply = co_await reply_in_turn(context, session, std::move(request), timeout);
        if (is_command)
            context->counters.note_answer(std::chrono::steady_clock::now() - started);
        co_return reply;
    } catch (const Error& error) {
        if (is_command)
            context->counters.note_no_answer(error);
        throw;
    }
}

} // namespace sandbox::manager
