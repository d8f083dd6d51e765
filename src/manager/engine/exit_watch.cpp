#include "manager/engine/exit_watch.hpp"

#include "manager/metering/usage.hpp"
#include "sandbox/kernel/process.hpp"

#include <array>
#include <string_view>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fcntl.h>
#include <unistd.h>

namespace asio = boost::asio;
using Descriptor = asio::posix::stream_descriptor;

namespace sandbox::manager {
namespace {

constexpr auto kResult = asio::as_tuple(asio::use_awaitable);

/// A pidfd is readable when its process has ended (pidfd_open(2)).
asio::awaitable<void> watch_init(SessionPtr session) {
    // Asio keeps the state of closed descriptors for new ones: an event of the old one that is still queued
    // then ends the new one's wait. So the pidfd is asked.
    bool ended = false;
    while (!ended) {
        const auto [error] = co_await session->init_pidfd->async_wait(Descriptor::wait_read, kResult);
        if (error || !session->init_pidfd)
            co_return;
        ended = kernel::has_ended(session->init_pidfd->native_handle());
    }
    session->engine_ended(session->engine_start(), "sandbox-init has ended");
}

/// cgroup.events of a group with or without processes; a group that is gone has none. Reading it also arms
/// the next POLLPRI.
bool is_populated(int cgroup_events) {
    std::array<char, 256> text{};
    const ssize_t length = ::pread(cgroup_events, text.data(), text.size(), 0);
    if (length < 0)
        return false;
    const std::string_view read(text.data(), static_cast<std::size_t>(length));
    return read.find("populated 0") == std::string_view::npos;
}

asio::awaitable<void> wait_for_change(SessionPtr session, Duration longest) {
    using namespace asio::experimental::awaitable_operators;
    asio::steady_timer timer(session->payload_events->get_executor(), longest);
    const auto result = co_await (session->payload_events->async_wait(Descriptor::wait_error, kResult) ||
                                  timer.async_wait(kResult));
    // What epoll cannot watch fails at once; it is then looked at from time to time.
    if (result.index() == 0 && std::get<0>(std::get<0>(result)) && session->payload_events) {
        timer.expires_after(longest);
        co_await timer.async_wait(kResult);
    }
}

/// sandbox-init stays when ChimeraX ends, so the end is seen at the group where ChimeraX runs.
asio::awaitable<void> watch_payload(SessionPtr session, std::uint64_t start, Duration recheck) {
    while (session->payload_events && session->state() != State::ended && session->engine_start() == start) {
        if (!is_populated(session->payload_events->native_handle())) {
            session->engine_ended(start, "ChimeraX has ended");
            co_return;
        }
        co_await wait_for_change(session, recheck);
    }
}

} // namespace

void watch_payload_of(const ContextPtr& context, const SessionPtr& session) {
    const std::string events = std::string(kPayload) + "/" + kernel::cgroup_file::kEvents;
    UniqueFd fd = session->cgroup.open_file(events.c_str(), O_RDONLY);
    session->payload_events.emplace(context->io, fd.get());
    static_cast<void>(fd.release());
    asio::co_spawn(context->io,
                   watch_payload(session, session->engine_start(), context->tuning.payload_recheck),
                   asio::detached);
}

void watch_engine(const ContextPtr& context, const SessionPtr& session) {
    watch_payload_of(context, session);
    asio::co_spawn(context->io, watch_init(session), asio::detached);
}

} // namespace sandbox::manager
