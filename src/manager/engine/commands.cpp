#include "manager/engine/commands.hpp"
// Commands of a caller: several of them in one turn.
#include "manager/engine/exchange.hpp"
#include "sandbox/manager/command_list.hpp"

#include <algorithm>
#include <utility>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

std::vector<chimerax::RestRequest> requests_of(const std::vector<std::string>& commands) {
    std::vector<chimerax::RestRequest> requests;
    for (const std::string& command : commands) {
        requests.emplace_back().target = chimerax::run_target({command});
        check_target(requests.back());
    }
    return requests;
}

/// What has come of a list until now, and what it takes to go on. Lives with the exchange: the caller may
/// have gone when the last answer comes.
struct Progress {
    Progress(ContextPtr its_core, CommandList its_list)
        : context(std::move(its_core)),
          list(std::move(its_list)) {}

    /// Throws Error for an answer that is not understood, and where nobody waits for the next one.
    bool take(const chimerax::RestReply& reply, SteadyTime::duration took) {
        if (reply.status != 200) {
            throw Error(Errc::engine,
                        "ChimeraX answered the command with status " + std::to_string(reply.status))
                .of_sent_request();
        }
        CommandsRun::Ran ran{chimerax::parse_command_result(reply.body, room), took};
        room -= std::min(room, ran.result.entries());
        const SteadyTime now = std::chrono::steady_clock::now();
        context->counters.note_answer(now - std::exchange(asked, now));
        const bool is_well = ran.result.ok();
        run.ran.push_back(std::move(ran));
        if (is_well && run.ran.size() < list.commands.size() && !list.goes_on()) {
            throw Error(Errc::timed_out,
                        "the client has gone, or may no longer, so this and what follows it was not sent",
                        "Stay until the answer comes, with credentials that hold.")
                .of_sent_request();
        }
        return is_well;
    }

    const ContextPtr context;
    const CommandList list;
    CommandsRun run;
    std::size_t room = chimerax::kMaxEntries;            ///< for values and messages of all of them
    SteadyTime asked = std::chrono::steady_clock::now(); ///< the one that comes next
};

/// Which of several it was.
Error of_command(const Error& error, std::size_t index, std::size_t count) {
    if (count < 2)
        return error;
    const std::string which = "command " + std::to_string(index + 1) + " of " + std::to_string(count) + ": ";
    const Error told(error.code(), which + error.what(), error.cure(), error.field());
    return error.state_may_have_changed() ? told.of_sent_request() : told;
}

} // namespace

asio::awaitable<CommandsRun> run_commands(ContextPtr context, SessionPtr session, CommandList list) {
    const auto progress = std::make_shared<Progress>(context, std::move(list));
    const std::vector<std::string>& commands = progress->list.commands;
    const auto exchange = std::make_shared<Exchange>(context->io.get_executor(), requests_of(commands));
    exchange->take = [progress](const chimerax::RestReply& reply, SteadyTime::duration took) {
        return progress->take(reply, took);
    };
    try {
        co_await exchange_in_turn(context, session, exchange, progress->list.timeout);
    } catch (const Error& error) {
        context->counters.note_no_answer(error);
        if (!error.state_may_have_changed())
            throw;
        progress->run.lost = of_command(error, progress->run.ran.size(), commands.size());
    }
    co_return std::move(progress->run);
}

} // namespace sandbox::manager
