#include "api/transport/stream.hpp"

#include "sandbox/base/duration.hpp"
#include "sandbox/base/error.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

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

/// A client that still sends a large body, and looks for the answer only then, gets so much time.
constexpr Duration kLeave = std::chrono::seconds(1), kLeaveOfSender = std::chrono::seconds(5),
                   kLongestLeave = std::chrono::seconds(30);

int new_epoll() {
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        throw_errno("epoll_create1");
    return epoll;
}

bool is_unix(int socket) {
    int domain = 0;
    socklen_t size = sizeof domain;
    return ::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

} // namespace

asio::awaitable<void> take_leave(Wire& wire) {
    beast::error_code ignored;
    wire.socket().shutdown(asio::socket_base::shutdown_send, ignored);
    std::vector<char> waste(64 * 1024);
    const auto end = std::chrono::steady_clock::now() + kLongestLeave;
    Duration pause = kLeave;
    for (;;) {
        wire.expires_at(std::min(end, std::chrono::steady_clock::now() + pause));
        auto [error, size] = co_await wire.async_read_some(asio::buffer(waste), kTuple);
        if (error || size == 0)
            break;
        pause = kLeaveOfSender;
    }
}

bool is_gone(Wire& wire) {
    pollfd look{};
    look.fd = wire.socket().native_handle();
    look.events = is_unix(look.fd) ? 0 : POLLRDHUP;
    return ::poll(&look, 1, 0) != 0;
}

HangUp::HangUp(Wire& wire, bool interim)
    : socket_(wire.socket().native_handle()),
      interim_(interim),
      epoll_(wire.get_executor(), new_epoll()) {
    epoll_event event{};
    event.events = is_unix(socket_) ? 0U : static_cast<std::uint32_t>(EPOLLRDHUP); // its end is always told
    if (::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_ADD, socket_, &event) != 0)
        throw_errno("cannot watch a connection");
}

bool HangUp::is_certain() {
    static constexpr std::string_view kInterim = "HTTP/1.1 100 Continue\r\n\r\n";
    pollfd look{.fd = socket_, .events = 0, .revents = 0};
    if (::poll(&look, 1, 0) != 0 || !interim_)
        return true;
    epoll_event event{};
    return ::send(socket_, kInterim.data(), kInterim.size(), MSG_DONTWAIT | MSG_NOSIGNAL) !=
               static_cast<ssize_t>(kInterim.size()) ||
           ::epoll_ctl(epoll_.native_handle(), EPOLL_CTL_MOD, socket_, &event) != 0;
}

asio::awaitable<void> HangUp::watch(std::shared_ptr<HangUp> self, std::shared_ptr<Client> client) {
    for (bool certain = false; !certain;) {
        const auto [error] =
            co_await self->epoll_.async_wait(asio::posix::descriptor_base::wait_read, kTuple);
        if (error || client->is_answered())
            co_return;
        // Woken, too, for what had this descriptor's place in the reactor before: so it is looked at.
        epoll_event event{};
        certain = ::epoll_wait(self->epoll_.native_handle(), &event, 1, 0) > 0 && self->is_certain();
    }
    client->gone();
}

} // namespace sandbox::api
