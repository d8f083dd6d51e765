#include "wire.hpp"

#include "sandbox/base/error.hpp"

#include <array>
#include <chrono>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace asio = boost::asio;
namespace beast = boost::beast;

namespace sandbox::api {
namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

int new_epoll() {
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        throw_errno("epoll_create1");
    return epoll;
}

} // namespace

asio::awaitable<void> take_leave(Wire& wire) {
    beast::error_code ignored;
    wire.socket().shutdown(asio::socket_base::shutdown_send, ignored);
    std::array<char, 4096> waste{};
    wire.expires_after(std::chrono::seconds(1));
    for (;;) {
        auto [error, size] = co_await wire.async_read_some(asio::buffer(waste), kTuple);
        if (error || size == 0)
            break;
    }
}

bool is_gone(Wire& wire) {
    pollfd look{};
    look.fd = wire.socket().native_handle();
    look.events = POLLRDHUP;
    return ::poll(&look, 1, 0) != 0;
}

HangUp::HangUp(Wire& wire) : epoll_(wire.get_executor(), new_epoll()) {
    epoll_event event{};
    event.events = EPOLLRDHUP;
    if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, wire.socket().native_handle(), &event) != 0)
        throw_errno("cannot watch a connection");
}

asio::awaitable<void> HangUp::watch(std::shared_ptr<HangUp> self, std::shared_ptr<Client> client) {
    const auto [error] = co_await self->epoll_.async_wait(asio::posix::descriptor_base::wait_read, kTuple);
    // Woken, too, for what had this descriptor's place in the reactor before: so it is looked at. Who goes
    // later than that is not seen.
    epoll_event event{};
    if (!error && !client->is_answered() && ::epoll_wait(self->epoll_.native_handle(), &event, 1, 0) > 0)
        client->gone();
}

} // namespace sandbox::api
