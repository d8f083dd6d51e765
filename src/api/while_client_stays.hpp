#pragma once

#include "sandbox/api/client.hpp"
#include "sandbox/base/error.hpp"

#include <memory>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
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

/// What waits in the manager, cancelled where its client goes away: Error timed_out, for the audit trail
/// alone.
template <typename T>
boost::asio::awaitable<T> while_client_stays(std::shared_ptr<Client> client, boost::asio::awaitable<T> what) {
    namespace asio = boost::asio;
    const auto departure = std::make_shared<asio::cancellation_signal>();
    if (client) {
        try {
            client->on_gone([departure] { departure->emit(asio::cancellation_type::terminal); });
        } catch (const Error&) { // no descriptor is left to watch it with
        }
    }
    const auto executor = co_await asio::this_coro::executor;
    asio::awaitable<T> unheeding = heedless(std::move(what));
    try {
        co_return co_await asio::co_spawn(
            executor, std::move(unheeding),
            asio::bind_cancellation_slot(departure->slot(), asio::use_awaitable));
    } catch (const boost::system::system_error& error) {
        if (error.code() != asio::error::operation_aborted)
            throw;
        throw Error(Errc::timed_out, "the client went away while it waited, so nothing was sent");
    }
}

} // namespace sandbox::api
