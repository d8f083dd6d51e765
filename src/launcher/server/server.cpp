#include "launcher/inspect/inspect.hpp"
#include "launcher/operations/workspace_file.hpp"
#include "launcher/recovery/orphan_collector.hpp"
#include "launcher/server/jobs.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/protocol/packet_socket.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace sandbox::launcher {

namespace {

constexpr std::size_t kMaxConnections = 16;
constexpr std::size_t kMaxQueuedReplies = 4096;

} // namespace

void Server::Connection::flush() {
    while (!out.empty() && !closed) {
        std::vector<int> descriptors;
        for (const UniqueFd& fd : out.front().descriptors)
            descriptors.push_back(fd.get());
        try {
            if (!protocol::send_packet(socket.get(), out.front().text, descriptors))
                return;
        } catch (const Error& error) {
            log::warning(std::string("a reply could not be sent: ") + error.what());
            closed = true;
        }
        out.pop_front();
    }
}

void Server::Connection::send(std::uint64_t id, protocol::Reply reply, const std::vector<int>& descriptors) {
    if (closed)
        return;
    if (out.size() >= kMaxQueuedReplies) {
        log::error("the manager does not read its replies: its connection is closed");
        closed = true;
        return;
    }
    Outgoing packet{protocol::encode(protocol::Packet<protocol::Reply>{id, std::move(reply)}), {}};
    for (const int fd : descriptors)
        packet.descriptors.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    out.push_back(std::move(packet));
    flush();
}

Server::Server(LauncherContext& context, CgroupDriver driver)
    : context_(context),
      driver_(std::move(driver)),
      rules_(context.site),
      exit_records_(context.ended_dir(), context.logs_dir()) {
    listen();
}

Server::~Server() {
    // The next launcher takes up what is not done: none of it is given up.
    for (const auto& connection : connections_)
        connection->closed = true;
}

void Server::listen() {
    const std::string path = context_.socket_path();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw Error(Errc::invalid_argument, "the path " + path + " is too long for a socket",
                    "choose a shorter run_dir");
    path.copy(address.sun_path, path.size());
    listener_ = UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ::unlink(path.c_str());
    if (!listener_ ||
        ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::chown(path.c_str(), 0, context_.manager.gid) != 0 || ::chmod(path.c_str(), 0660) != 0 ||
        ::listen(listener_.get(), 16) != 0)
        throw_errno("cannot listen on " + path);
}

void Server::recover() {
    for (Sandbox& sandbox : recover_sandboxes(context_, driver_, exit_records_)) {
        log::info({sandbox.facts.session, sandbox.facts.tenant},
                  "session " + sandbox.facts.session + " runs on");
        const std::string session = sandbox.facts.session;
        sandboxes_.emplace(session, std::move(sandbox));
    }
}

void Server::accept() {
    for (;;) {
        UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!socket)
            return;
        const protocol::Peer peer = protocol::peer_credentials(socket.get());
        if (peer.uid != context_.manager.uid && peer.uid != 0) {
            log::warning("refused a caller of uid " + std::to_string(peer.uid) + " on the launcher's socket");
            continue;
        }
        if (connections_.size() >= kMaxConnections) {
            log::warning("refused a connection: there are " + std::to_string(kMaxConnections) + " already");
            continue;
        }
        connections_.push_back(std::make_shared<Connection>(Connection{std::move(socket), {}, false}));
    }
}

void Server::serve(Connection& connection) {
    // A few at a time: one busy caller must not starve constructions and endings.
    for (int i = 0; i < 16 && !connection.closed; ++i) {
        bool would_block = false;
        protocol::Received received;
        try {
            received = protocol::receive_packet(connection.socket.get(), &would_block);
            if (would_block)
                return;
            if (received.text.empty()) {
                connection.closed = true;
                return;
            }
            const auto shared = std::ranges::find_if(
                connections_, [&](const auto& entry) { return entry.get() == &connection; });
            handle(*shared, protocol::decode_request(received.text), std::move(received.descriptors));
        } catch (const Error& error) {
            // What is no message of the protocol has no id that an answer could name.
            log::warning(std::string("closed a connection: ") + error.what());
            connection.closed = true;
        }
    }
}

void Server::handle(const std::shared_ptr<Connection>& connection, protocol::Packet<protocol::Request> packet,
                    std::vector<UniqueFd> descriptors) {
    const std::uint64_t id = packet.id;
    Responder reply([connection, id](protocol::Reply body, const std::vector<int>& its_descriptors) {
        connection->send(id, std::move(body), its_descriptors);
    });
    try {
        std::visit(
            [&](const auto& request) {
                using Request = std::decay_t<decltype(request)>;
                if constexpr (std::is_same_v<Request, protocol::Launch>) {
                    launch(request, reply);
                } else if constexpr (std::is_same_v<Request, protocol::End>) {
                    end(request, reply);
                } else if constexpr (std::is_same_v<Request, protocol::Publish>) {
                    publish(request, reply);
                } else if constexpr (std::is_same_v<Request, protocol::Inspect>) {
                    reply(protocol::Inspected{inspect(context_, find(request.session))}, {});
                } else if constexpr (std::is_same_v<Request, protocol::OpenFile>) {
                    const Sandbox& sandbox = find(request.session);
                    const SessionFile file = request.list
                                                 ? list_session_folder(sandbox, request.path, request.after)
                                                 : open_session_file(sandbox, request.path);
                    reply(protocol::Opened{file.size, file.tag}, {file.fd.get()});
                } else if constexpr (std::is_same_v<Request, protocol::PutFile>) {
                    put_file(request, std::move(descriptors), reply);
                } else if constexpr (std::is_same_v<Request, protocol::RemoveFile>) {
                    remove_session_file(find(request.session), request.path, request.only_if);
                    reply(protocol::Removed{}, {});
                } else if constexpr (std::is_same_v<Request, protocol::SetLimits>) {
                    set_limits(request, reply);
                } else if constexpr (std::is_same_v<Request, protocol::Freeze>) {
                    freeze(request, reply);
                } else if constexpr (std::is_same_v<Request, protocol::Reclaim>) {
                    reclaim(request, reply);
                } else if constexpr (std::is_same_v<Request, protocol::Attach>) {
                    attach(request, reply);
                } else if constexpr (std::is_same_v<Request, protocol::Reload>) {
                    reload(request.digest);
                    reply(protocol::Reloaded{}, {});
                } else if constexpr (std::is_same_v<Request, protocol::Forget>) {
                    forget(request, reply);
                } else if constexpr (std::is_same_v<Request, protocol::Look>) {
                    look(request, reply);
                } else if constexpr (std::is_same_v<Request, protocol::Restart>) {
                    restart(request, reply);
                } else if constexpr (std::is_same_v<Request, protocol::Sweep>) {
                    reply(protocol::Swept{sweep_leftovers(request.dry_run)}, {});
                } else {
                    list(request, reply);
                }
            },
            packet.body);
    } catch (const Error& error) {
        reply(protocol::to_failure(error), {});
    }
}

int Server::poll_timeout() const {
    std::optional<BootClock::time_point> next;
    const auto consider = [&](BootClock::time_point time) { next = next ? std::min(*next, time) : time; };
    for (const auto& pending : pending_)
        if (pending->builder)
            consider(pending->deadline);
    for (const auto& ender : enders_)
        consider(ender->ending.deadline());
    for (const auto& restarter : restarters_)
        consider(restarter->restarting.deadline());
    for (const auto& writer : writers_)
        consider(writer->writing.deadline());
    if (const auto timeout = driver_.poll_timeout())
        consider(BootClock::now() + *timeout);
    if (const auto left = watchdog_.left())
        consider(BootClock::now() + *left);
    if (!next)
        return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - BootClock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

std::vector<pollfd> Server::poll_set(int stop_fd) const {
    std::vector<pollfd> set{
        {stop_fd, POLLIN, 0}, {listener_.get(), POLLIN, 0}, {driver_.poll_fd(), driver_.poll_events(), 0}};
    for (const auto& connection : connections_)
        set.push_back({connection->socket.get(),
                       static_cast<short>(POLLIN | (connection->out.empty() ? 0 : POLLOUT)), 0});
    for (const auto& pending : pending_)
        set.push_back({pending->builder ? pending->builder->status_fd() : -1, POLLIN, 0});
    for (const auto& ender : enders_) {
        set.push_back({ender->ending.events_fd(), POLLPRI, 0});
        set.push_back({ender->sandbox.pidfd.get(), POLLIN, 0});
    }
    for (const auto& restarter : restarters_)
        set.push_back({restarter->restarting.events_fd(), POLLPRI, 0});
    for (const auto& writer : writers_)
        set.push_back({writer->writing.status_fd(), POLLIN, 0});
    return set;
}

void Server::run(int stop_fd, const std::function<void()>& on_stop_fd) {
    while (!stopping_) {
        watchdog_.feed();
        std::vector<pollfd> set = poll_set(stop_fd);
        if (::poll(set.data(), set.size(), poll_timeout()) < 0 && errno != EINTR)
            throw_errno("poll");
        if (set[0].revents != 0)
            on_stop_fd();
        driver_.process();
        // The lists may grow meanwhile: what is new has no entry in this set and is looked at in the next
        // round.
        std::size_t index = 3;
        const std::vector<std::shared_ptr<Connection>> connections(connections_.begin(), connections_.end());
        std::vector<LaunchJob*> pending;
        for (const auto& entry : pending_)
            pending.push_back(entry.get());
        std::vector<TeardownJob*> enders;
        for (const auto& entry : enders_)
            enders.push_back(entry.get());
        for (const auto& connection : connections) {
            const short events = set[index++].revents;
            if ((events & POLLOUT) != 0)
                connection->flush();
            if ((events & (POLLIN | POLLHUP | POLLERR)) != 0)
                serve(*connection);
        }
        for (LaunchJob* entry : pending)
            if (!entry->done && entry->builder)
                advance(*entry);
        for (TeardownJob* entry : enders)
            if (!entry->done)
                advance(*entry);
        for (const auto& entry : restarters_)
            if (!entry->done)
                advance(*entry);
        for (const auto& entry : writers_)
            if (!entry->done)
                advance(*entry);
        if (set[1].revents != 0)
            accept();
        std::vector<std::string> failed_tenants;
        for (const auto& entry : pending_)
            if (entry->done)
                failed_tenants.push_back(entry->request.tenant);
        std::erase_if(pending_, [](const auto& entry) { return entry->done; });
        std::erase_if(enders_, [](const auto& entry) { return entry->done; });
        std::erase_if(restarters_, [](const auto& entry) { return entry->done; });
        std::erase_if(writers_, [](const auto& entry) { return entry->done; });
        std::erase_if(connections_, [](const auto& entry) { return entry->closed; });
        for (const std::string& tenant : failed_tenants)
            release_tenant(tenant);
    }
}

} // namespace sandbox::launcher
