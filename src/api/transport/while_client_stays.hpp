#pragma once

#include "api/transport/client.hpp"
#include "sandbox/base/error.hpp"

#include <chrono>
#include <memory>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace sandbox::api {

/// The manager heeds a departure where it waits; what is begun comes to its end.
template <typename T>
boost::asio::awaitable<T> heedless(boost::asio::awaitable<T> what) {
    co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
    co_return co_await std::move(what);
}

/// Cancels what waits for a client that goes away, or whose credentials hold no more.
struct Departure {
    explicit Departure(const boost::asio::any_io_executor& executor) : look(executor) {}

    void cancel() { signal.emit(boost::asio::cancellation_type::terminal); }
    void end() {
        over = true;
        look.cancel();
    }

    boost::asio::cancellation_signal signal;
    boost::asio::steady_timer look; ///< at the credentials
    bool over = false;
    bool refused = false; ///< the credentials hold no more
};

/// Again and again, as what does not wait now may wait later.
inline void look_at_credentials(const std::shared_ptr<Client>& client,
                                const std::shared_ptr<Departure>& departure) {
    departure->look.expires_after(std::chrono::seconds(1));
    departure->look.async_wait([client, departure](const boost::system::error_code& error) {
        if (error || departure->over)
            return;
        departure->refused = !client->is_allowed();
        if (departure->refused)
            departure->cancel();
        if (!departure->over)
            look_at_credentials(client, departure);
    });
}

/// What waits in the manager, cancelled where its client goes away (Error timed_out, for the audit trail
/// alone) or is not allowed it any more (Error unauthenticated).
template <typename T>
boost::asio::awaitable<T> while_client_stays(std::shared_ptr<Client> client, boost::asio::awaitable<T> what) {
    namespace asio = boost::asio;
    const auto executor = co_await asio::this_coro::executor;
    const auto departure = std::make_shared<Departure>(executor);
    const std::shared_ptr<void> ends(nullptr, [departure](void*) { departure->end(); });
    if (client) {
        look_at_credentials(client, departure);
        try {
            client->on_gone([departure] { departure->cancel(); });
        } catch (const Error&) { // no descriptor is left to watch it with
        }
    }
    asio::awaitable<T> unheeding = heedless(std::move(what));
    try {
        co_return co_await asio::co_spawn(
            executor, std::move(unheeding),
            asio::bind_cancellation_slot(departure->signal.slot(), asio::use_awaitable));
    } catch (const boost::system::system_error& error) {
        if (error.code() != asio::error::operation_aborted)
            throw;
        if (departure->refused)
            Client::throw_not_allowed();
        throw Error(Errc::timed_out, "the client went away while it waited, so nothing was sent");
    }
}

} // namespace sandbox::api
