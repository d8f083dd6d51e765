#include "manager/session/launcher_client.hpp"

#include "sandbox/base/log.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <sys/socket.h>
#include <sys/un.h>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

Error launcher_gone(const std::string& why) {
    return Error(Errc::unavailable, "the launcher cannot be reached: " + why,
                 "See whether sandbox-launcher runs, and what its log says, and try again.");
}

/// Never blocks: a full backlog is EAGAIN (connect(2)), and then the next try comes later.
UniqueFd connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw Error(Errc::invalid_argument, path + ": too long for a unix socket");
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd)
        throw_errno("socket");
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw_errno("connecting to " + path);
    return fd;
}

} // namespace

/// One call that waits. Lives in the frame of `call`.
struct LauncherClient::Pending {
    Pending(LauncherClient& owner, std::uint64_t number) : client(owner), id(number), done(owner.io_) {
        client.pending_.emplace(id, this);
    }
    Pending(const Pending&) = delete;
    Pending& operator=(const Pending&) = delete;
    ~Pending() { client.pending_.erase(id); }

    LauncherClient& client;
    std::uint64_t id;
    asio::steady_timer done;
    std::optional<LauncherAnswer> answer;
    std::optional<Error> lost;
};

LauncherClient::LauncherClient(asio::io_context& io, std::string socket_path, Tuning tuning)
    : io_(io),
      path_(std::move(socket_path)),
      tuning_(std::move(tuning)),
      changed_(io.get_executor()) {}

void LauncherClient::start(std::function<void()> on_connected) {
    on_connected_ = std::move(on_connected);
    try_connect();
    asio::co_spawn(io_, run(shared_from_this()), asio::detached);
}

void LauncherClient::stop() {
    stopped_ = true;
    disconnect("the manager stops");
    changed_.notify();
}

asio::awaitable<void> LauncherClient::run(std::shared_ptr<LauncherClient> self) {
    Duration pause = self->tuning_.reconnect_first;
    while (!self->stopped_) {
        if (self->connected() || self->try_connect()) {
            const std::uint64_t replies_before = self->replies_;
            co_await read_until_lost(self);
            if (self->replies_ != replies_before) // else it only takes connections and drops them
                pause = self->tuning_.reconnect_first;
        }
        if (self->stopped_)
            break;
        co_await self->changed_.wait_until(std::chrono::steady_clock::now() + pause);
        pause = std::min(pause * 2, self->tuning_.reconnect_longest);
    }
}

bool LauncherClient::try_connect() {
    try {
        UniqueFd fd = connect_to(path_);
        socket_.emplace(io_, fd.get());
        static_cast<void>(fd.release());
    } catch (const std::exception& error) {
        if (!complained_)
            log::warning(std::string("the launcher cannot be reached, and will be tried again: ") +
                         error.what());
        complained_ = true;
        return false;
    }
    ++connection_;
    complained_ = false;
    log::info("connected to the launcher at " + path_);
    changed_.notify();
    on_connected_();
    return true;
}

void LauncherClient::disconnect(const std::string& why) {
    if (!socket_)
        return;
    socket_.reset();
    outbox_.clear();
    log::warning("the connection to the launcher has ended: " + why);
    for (const auto& [id, call] : pending_) {
        call->lost = launcher_gone(why);
        call->done.cancel();
    }
    changed_.notify();
}

asio::awaitable<void> LauncherClient::read_until_lost(std::shared_ptr<LauncherClient> self) {
    const std::uint64_t connection = self->connection_;
    while (self->socket_ && self->connection_ == connection) {
        const auto [error] = co_await self->socket_->async_wait(asio::posix::stream_descriptor::wait_read,
                                                                asio::as_tuple(asio::use_awaitable));
        if (error || self->connection_ != connection || !self->read_ready_packets())
            break;
    }
    if (self->connection_ == connection)
        self->disconnect("it was closed");
}

bool LauncherClient::read_ready_packets() {
    try {
        while (socket_) {
            bool would_block = false;
            protocol::Received received = protocol::receive_packet(socket_->native_handle(), &would_block);
            if (would_block)
                return true;
            if (received.text.empty())
                return false;
            take_reply(std::move(received));
        }
    } catch (const Error& error) {
        // Not this version, or not whole: nothing after it can be trusted to belong where it seems to.
        disconnect(error.what());
    }
    return false;
}

void LauncherClient::take_reply(protocol::Received received) {
    protocol::Packet<protocol::Reply> packet = protocol::decode_reply(received.text);
    ++replies_;
    const auto found = pending_.find(packet.id);
    if (found == pending_.end()) {
        log::warning("the launcher answered a request that nobody waits for any more");
        return;
    }
    found->second->answer.emplace(LauncherAnswer{std::move(packet.body), std::move(received.descriptors)});
    found->second->done.cancel();
}

void LauncherClient::send_queued() {
    try {
        while (socket_ && !outbox_.empty() && !writing_) {
            const Outgoing& next = outbox_.front();
            const int fd = next.descriptor.get();
            const std::span<const int> descriptors(&fd, next.descriptor ? 1 : 0);
            if (protocol::send_packet(socket_->native_handle(), next.text, descriptors)) {
                outbox_.pop_front();
                continue;
            }
            writing_ = true;
            socket_->async_wait(asio::posix::stream_descriptor::wait_write,
                                [self = shared_from_this()](const boost::system::error_code&) {
                                    self->writing_ = false;
                                    self->send_queued();
                                });
        }
    } catch (const Error& error) {
        disconnect(error.what());
    }
}

asio::awaitable<LauncherAnswer> LauncherClient::call(protocol::Request request, Duration timeout) {
    return call_with(std::move(request), UniqueFd(), timeout);
}

asio::awaitable<LauncherAnswer> LauncherClient::call_with(protocol::Request request, UniqueFd descriptor,
                                                          Duration timeout) {
    const std::shared_ptr<LauncherClient> self = shared_from_this();
    if (!connected())
        throw launcher_gone("there is no connection to " + path_);
    protocol::Packet<protocol::Request> packet{++last_id_, std::move(request)};
    std::string text = protocol::encode(packet);
    if (text.size() > protocol::kMaxPacket)
        throw Error(Errc::too_large, "the request to the launcher is too large");

    Pending pending(*this, packet.id);
    pending.done.expires_after(timeout);
    outbox_.push_back(Outgoing{std::move(text), std::move(descriptor)});
    send_queued();
    boost::system::error_code error;
    if (!pending.lost) {
        const auto [waited] = co_await pending.done.async_wait(asio::as_tuple(asio::use_awaitable));
        error = waited;
    }
    if (pending.answer)
        co_return std::move(*pending.answer);
    if (pending.lost)
        throw *pending.lost;
    if (error) // the caller was cancelled
        throw boost::system::system_error(error);
    throw Error(Errc::timed_out, "the launcher did not answer in " + format_duration(timeout),
                "Look at the launcher's log; the outcome of the request is unknown.");
}

} // namespace sandbox::manager
