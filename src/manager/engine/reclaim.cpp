#include "manager/engine/reclaim.hpp"

#include "manager/session/launcher_client.hpp"
#include "manager/session/persistence.hpp"
#include "sandbox/base/log.hpp"

#include <cerrno>
#include <fstream>
#include <string>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace asio = boost::asio;
namespace file = sandbox::kernel::cgroup_file;

namespace sandbox::manager {
namespace {

/// proc_swaps(5): a line of titles, and one for each swap area.
bool host_has_swap(const std::string& proc) {
    std::ifstream swaps(proc + "/swaps");
    std::string line;
    return std::getline(swaps, line) && std::getline(swaps, line);
}

/// Why anonymous memory has nowhere to go; empty: it has. What is left then are pages of files that the
/// kernel can drop by itself when it needs them, and which a thawed ChimeraX would have to read again.
std::string obstacle(const Context& context, const Session& session) {
    if (!session.cgroup.has_file(file::kMemoryReclaim))
        return "its cgroup has no memory.reclaim: the host gives it no memory controller";
    if (!host_has_swap(context.tuning.proc) || !session.cgroup.has_file(file::kMemorySwapMax))
        return "the host has no swap";
    if (session.cgroup.read_u64(file::kMemorySwapMax) == 0U)
        return "the policy's memory_swap_max is 0";
    return {};
}

/// Why the kernel moved no more, where there is more to tell than that all has been moved.
std::string limit_met(const Session& session, const Reclaimed& reclaimed) {
    if (reclaimed.error != 0 && reclaimed.error != EAGAIN && reclaimed.error != EINTR)
        return errno_error(reclaimed.error, "writing to memory.reclaim").what();
    const std::optional<std::uint64_t> most = session.cgroup.read_u64(file::kMemorySwapMax);
    const std::uint64_t used = session.cgroup.read_u64(file::kMemorySwapCurrent).value_or(0);
    if (most && used + kReclaimChunk.value > *most)
        return "the policy's memory_swap_max of " + Bytes{*most}.text() + " is used up";
    if (reclaimed.bytes.value == 0)
        return "the kernel found nothing to move: the swap of the host or of the tenant may be full";
    return {};
}

asio::awaitable<SessionView::FreezeInfo> try_reclaim(ContextPtr context, SessionPtr session, StopFlag stop) {
    SessionView::FreezeInfo rest;
    rest.not_reclaimed = obstacle(*context, *session);
    rest.reclaimed = Bytes{};
    if (!rest.not_reclaimed.empty())
        co_return rest;
    protocol::Request request(protocol::Reclaim{session->id()});
    LauncherAnswer answer =
        co_await context->launcher->call(std::move(request), context->tuning.answer_timeout);
    if (const auto* failure = std::get_if<protocol::Failure>(&answer.reply))
        throw protocol::to_error(*failure);
    if (!std::holds_alternative<protocol::Reclaimable>(answer.reply) || answer.descriptors.size() != 1)
        throw Error(Errc::internal, "unexpected reply from the launcher to reclaim");
    const Reclaimed reclaimed =
        co_await context->reclaimer.run(std::move(answer.descriptors[0]), session->cgroup, stop);
    rest.reclaimed = reclaimed.bytes;
    if (!*stop)
        rest.not_reclaimed = limit_met(*session, reclaimed);
    co_return rest;
}

asio::awaitable<void> reclaim(ContextPtr context, SessionPtr session, StopFlag stop) {
    SessionView::FreezeInfo result;
    try {
        result = co_await try_reclaim(context, session, stop);
    } catch (const Error& error) {
        result.reclaimed = Bytes{};
        result.not_reclaimed = error.what();
    }
    log::info({session->id(), session->facts.tenant},
              "session " + session->id() + ": " + result.reclaimed->text() + " of its memory reclaimed" +
                  (result.not_reclaimed.empty() ? "" : "; " + result.not_reclaimed) +
                  (*stop ? "; it is thawed or ends" : ""));
    if (session->reclaim_stop != stop || !session->facts.rest) // it rests no more, or again
        co_return;
    session->facts.rest->reclaimed = result.reclaimed;
    session->facts.rest->not_reclaimed = std::move(result.not_reclaimed);
    persist(*context, *session);
}

} // namespace

void enter_frozen(const ContextPtr& context, const SessionPtr& session, const std::string& why) {
    if (!session->facts.rest) // else an earlier manager has begun it
        session->facts.rest = SessionView::FreezeInfo{std::chrono::system_clock::now(), {}, {}};
    session->move_to(State::frozen, why);
    if (session->facts.rest->reclaimed)
        return;
    session->reclaim_stop = std::make_shared<std::atomic<bool>>(false);
    asio::co_spawn(context->io, reclaim(context, session, session->reclaim_stop), asio::detached);
}

} // namespace sandbox::manager
