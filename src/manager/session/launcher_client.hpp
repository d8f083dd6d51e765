#pragma once

#include "sandbox/async/notifier.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/manager/tuning.hpp"
#include "sandbox/protocol/message.hpp"
#include "sandbox/protocol/packet_socket.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace sandbox::manager {

struct LauncherAnswer {
    protocol::Reply reply;
    std::vector<UniqueFd> descriptors;
};

/// The manager's end of the launcher's socket. Keeps the connection up, with a growing pause between tries,
/// and pairs replies with requests by their ids.
class LauncherClient : public std::enable_shared_from_this<LauncherClient> {
  public:
    LauncherClient(boost::asio::io_context& io, std::string socket_path, Tuning tuning);

    /// Tries to connect at once, and again whenever the connection is lost. `on_connected` is called each
    /// time that there is a new one.
    void start(std::function<void()> on_connected);
    /// Ends the connection for good; waiting calls fail.
    void stop();

    bool connected() const { return socket_.has_value(); }
    /// Which connection this is, counted from 1.
    std::uint64_t connection() const { return connection_; }
    /// Notified when the connection comes or goes.
    async::Notifier& changed() { return changed_; }

    /// Sends the request and waits for its reply, which may be a Failure. Throws Error unavailable when there
    /// is no connection or it was lost before the reply came, timed_out: then the outcome is unknown.
    boost::asio::awaitable<LauncherAnswer> call(protocol::Request request, Duration timeout);
    /// The same, with a descriptor beside the request.
    boost::asio::awaitable<LauncherAnswer> call_with(protocol::Request request, UniqueFd descriptor,
                                                     Duration timeout);

  private:
    struct Pending;

    static boost::asio::awaitable<void> run(std::shared_ptr<LauncherClient> self);
    static boost::asio::awaitable<void> read_until_lost(std::shared_ptr<LauncherClient> self);
    bool try_connect();
    void disconnect(const std::string& why);
    bool read_ready_packets();
    void take_reply(protocol::Received received);
    void send_queued();

    boost::asio::io_context& io_;
    const std::string path_;
    const Tuning tuning_;
    std::function<void()> on_connected_;
    async::Notifier changed_;
    std::optional<boost::asio::posix::stream_descriptor> socket_;
    std::uint64_t connection_ = 0; ///< counts them, so that what belongs to an old one is known
    std::uint64_t last_id_ = 0;
    std::uint64_t replies_ = 0;
    std::map<std::uint64_t, Pending*> pending_;
    struct Outgoing {
        std::string text;
        UniqueFd descriptor;
    };
    std::deque<Outgoing> outbox_;
    bool writing_ = false;
    bool stopped_ = false;
    bool complained_ = false;
};

/// Asks for a reply of one type. A Failure is thrown as its Error.
template <typename Body>
boost::asio::awaitable<Body> ask(LauncherClient& launcher, protocol::Request request, Duration timeout) {
    LauncherAnswer answer = co_await launcher.call(std::move(request), timeout);
    if (const auto* failure = std::get_if<protocol::Failure>(&answer.reply))
        throw protocol::to_error(*failure);
    if (auto* body = std::get_if<Body>(&answer.reply))
        co_return std::move(*body);
    throw Error(Errc::internal, "the launcher gave another kind of reply than was asked for");
}

} // namespace sandbox::manager
