#include "manager/lifecycle/attach.hpp"

#include "manager/session/launcher_client.hpp"
#include "sandbox/base/log.hpp"

#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace asio = boost::asio;

namespace sandbox::manager {

asio::awaitable<bool> attach(ContextPtr context, SessionPtr session) {
    for (;;) {
        while (!context->launcher->connected())
            co_await context->launcher->changed().wait();
        std::string why;
        try {
            protocol::Request request(protocol::Attach{session->id()});
            LauncherAnswer answer =
                co_await context->launcher->call(std::move(request), context->tuning.answer_timeout);
            auto* launched = std::get_if<protocol::Launched>(&answer.reply);
            if (launched != nullptr && launched->session == session->id() && answer.descriptors.size() == 2) {
                session->take_launched(std::move(*launched), std::move(answer.descriptors));
                co_return true;
            }
            const auto* failure = std::get_if<protocol::Failure>(&answer.reply);
            if (failure != nullptr && failure->code == Errc::not_found)
                co_return false;
            why = failure != nullptr ? failure->message : "its reply is unexpected";
        } catch (const Error& error) {
            why = error.what();
        }
        log::debug({session->id(), session->facts.tenant},
                   "session " + session->id() +
                       ": the launcher does not say yet whether it is there: " + why);
        asio::steady_timer timer(context->io, context->tuning.reconnect_first);
        co_await timer.async_wait(asio::use_awaitable);
    }
}

} // namespace sandbox::manager
