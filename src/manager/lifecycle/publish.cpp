#include "manager/lifecycle/publish.hpp"

#include "manager/session/launcher_client.hpp"
#include "sandbox/base/log.hpp"

#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

asio::awaitable<void> accept_connections(ContextPtr context, SessionPtr session) {
    while (session->published) {
        auto [error, connection] =
            co_await session->published->async_accept(asio::as_tuple(asio::use_awaitable));
        if (!session->published)
            co_return;
        if (error) {
            // Out of descriptors, most likely: the connection waits in the backlog meanwhile.
            log::warning({session->id(), session->facts.tenant},
                         "session " + session->id() + ": accept on its published port: " + error.message());
            asio::steady_timer timer(context->io, std::chrono::milliseconds(100));
            co_await timer.async_wait(asio::use_awaitable);
            continue;
        }
        if (context->on_published_connection)
            context->on_published_connection(session->id(), std::move(connection));
    }
}

asio::awaitable<void> open_port(ContextPtr context, SessionPtr session) {
    protocol::Request request(protocol::Publish{session->id()});
    LauncherAnswer answer =
        co_await context->launcher->call(std::move(request), context->tuning.answer_timeout);
    if (const auto* failure = std::get_if<protocol::Failure>(&answer.reply))
        throw protocol::to_error(*failure);
    const auto* published = std::get_if<protocol::Published>(&answer.reply);
    if (published == nullptr || answer.descriptors.size() != 1)
        throw Error(Errc::internal, "unexpected reply from the launcher to publish");
    session->published.emplace(context->io, asio::ip::tcp::v4(), answer.descriptors[0].get());
    static_cast<void>(answer.descriptors[0].release());
    session->facts.published_port = published->port;
    asio::co_spawn(context->io, accept_connections(context, session), asio::detached);
}

} // namespace

asio::awaitable<void> publish(ContextPtr context, SessionPtr session) {
    if (session->policy.publish != policy::Publish::loopback)
        co_return;
    while (!session->must_end() && !session->published) {
        try {
            co_await open_port(context, session);
        } catch (const Error& error) {
            if (error.code() != Errc::unavailable)
                session->request_end(EndReason::launch_failed, "no port could be published: " + error.full());
        }
        // A launcher that died over it is back in a moment, and the session with it.
        while (!context->launcher->connected() && !session->must_end())
            co_await context->launcher->changed().wait();
    }
}

} // namespace sandbox::manager
