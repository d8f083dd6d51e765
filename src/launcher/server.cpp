#include "sandbox/launcher/server.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/launcher/inspect.hpp"
#include "sandbox/launcher/published_port.hpp"
#include "sandbox/launcher/request_check.hpp"
#include "sandbox/launcher/session_file.hpp"
#include "sandbox/launcher/sweeper.hpp"
#include "sandbox/protocol/packet_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <deque>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace sandbox::launcher {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kMaxConnections = 16;
constexpr std::size_t kMaxQueuedReplies = 4096;
constexpr std::size_t kListedAtOnce = 64; ///< far below kMaxPacket, whatever the paths
constexpr Duration kConstructionTime = 20s;
constexpr Duration kMaxGrace = 5min;

} // namespace

struct Server::Connection {
    UniqueFd socket;
    struct Outgoing {
        std::string text;
        std::vector<UniqueFd> descriptors;
    };
    std::deque<Outgoing> out;
    bool closed = false;

    void flush() {
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

    void send(std::uint64_t id, protocol::Reply reply, const std::vector<int>& descriptors) {
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
};

struct Server::Pending {
    protocol::Launch request;
    Reply reply;
    Timeline timeline;
    std::optional<Blueprint> plan;
    std::unique_ptr<Construction> construction;
    BootClock::time_point deadline;
    bool done = false;
};

struct Server::Ender {
    Ender(Sandbox& ended, Duration grace) : sandbox(ended), ending(ended, grace) {}
    Sandbox& sandbox;
    Ending ending;
    std::vector<Reply> replies;
    bool done = false;
};

Server::Server(Environment& environment, CgroupDriver driver)
    : environment_(environment),
      driver_(std::move(driver)) {
    listen();
}

Server::~Server() = default;

void Server::listen() {
    const std::string path = environment_.socket_path();
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
        ::chown(path.c_str(), 0, environment_.manager.gid) != 0 || ::chmod(path.c_str(), 0660) != 0 ||
        ::listen(listener_.get(), 16) != 0)
        throw_errno("cannot listen on " + path);
}

void Server::recover() {
    for (Sandbox& sandbox : recover_sandboxes(environment_, driver_)) {
        log::info("session " + sandbox.facts.session + " runs on");
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
        if (peer.uid != environment_.manager.uid && peer.uid != 0) {
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
            handle(*shared, protocol::decode_request(received.text));
        } catch (const Error& error) {
            // What is no message of the protocol has no id that an answer could name.
            log::warning(std::string("closed a connection: ") + error.what());
            connection.closed = true;
        }
    }
}

void Server::handle(const std::shared_ptr<Connection>& connection,
                    protocol::Packet<protocol::Request> packet) {
    const std::uint64_t id = packet.id;
    const Reply reply = [connection, id](protocol::Reply body, const std::vector<int>& descriptors) {
        connection->send(id, std::move(body), descriptors);
    };
    try {
        std::visit(
            [&](const auto& request) {
                using Request = std::decay_t<decltype(request)>;
                if constexpr (std::is_same_v<Request, protocol::Launch>) {
                    launch(request, reply);
                } else if constexpr (std::is_same_v<Request, protocol::End>) {
                    end(request, reply);
                } else if constexpr (std::is_same_v<Request, protocol::Publish>) {
                    const Sandbox& sandbox = find(request.session);
                    const PublishedPort port = publish_port(sandbox.facts);
                    reply(protocol::Published{port.port}, {port.socket.get()});
                } else if constexpr (std::is_same_v<Request, protocol::Inspect>) {
                    reply(protocol::Inspected{inspect(find(request.session))}, {});
                } else if constexpr (std::is_same_v<Request, protocol::OpenFile>) {
                    const SessionFile file = open_session_file(find(request.session), request.path);
                    reply(protocol::Opened{file.size}, {file.fd.get()});
                } else if constexpr (std::is_same_v<Request, protocol::Attach>) {
                    Sandbox& sandbox = find(request.session);
                    sandbox.facts.engine_pid =
                        find_engine(sandbox.cgroup, static_cast<pid_t>(sandbox.facts.init_pid));
                    reply(sandbox.facts, {sandbox.pidfd.get(), sandbox.cgroup.fd()});
                } else {
                    protocol::Listed listed;
                    for (auto entry = sandboxes_.upper_bound(request.after); entry != sandboxes_.end();
                         ++entry) {
                        if (listed.sessions.size() == kListedAtOnce) {
                            listed.more = true;
                            break;
                        }
                        listed.sessions.push_back(entry->second.facts);
                        listed.sessions.back().timeline.clear();
                    }
                    reply(std::move(listed), {});
                }
            },
            packet.body);
    } catch (const Error& error) {
        reply(protocol::to_failure(error), {});
    }
}

Sandbox& Server::find(const std::string& session) {
    const auto found = sandboxes_.find(session);
    if (found == sandboxes_.end())
        throw Error(Errc::not_found, "there is no sandbox " + session, {}, "session");
    return found->second;
}

void Server::launch(const protocol::Launch& request, Reply reply) {
    auto pending = std::make_unique<Pending>();
    pending->timeline.start();
    pending->deadline = BootClock::now() + kConstructionTime;
    if (!is_session_id(request.session))
        throw Error(Errc::invalid_argument, "\"" + request.session + "\" is no session id", {}, "session");
    const auto uses = [&](const std::string& session, std::uint32_t slot) {
        return session == request.session || slot == request.slot;
    };
    if (std::ranges::any_of(sandboxes_,
                            [&](const auto& entry) { return uses(entry.first, entry.second.facts.slot); }) ||
        std::ranges::any_of(
            pending_, [&](const auto& entry) { return uses(entry->request.session, entry->request.slot); }))
        throw Error(Errc::conflict,
                    "session " + request.session + " or slot " + std::to_string(request.slot) + " is in use",
                    "take another", "slot");
    LaunchPlan checked = check_launch(environment_.site, policies_, request);
    pending->request = request;
    pending->reply = std::move(reply);
    pending->plan = std::move(checked.blueprint);
    pending->timeline.mark(Step::read_policy);
    fault_point(environment_, Step::read_policy);
    Pending* entry = pending_.emplace_back(std::move(pending)).get();
    driver_.tenant_group(checked.tenant, [this, entry](std::variant<TenantGroup, Error> group) {
        if (!entry->done)
            construct(*entry, std::move(group));
    });
}

void Server::construct(Pending& pending, std::variant<TenantGroup, Error> group) {
    try {
        if (const Error* error = std::get_if<Error>(&group))
            throw *error;
        pending.timeline.mark(Step::tenant_group);
        fault_point(environment_, Step::tenant_group);
        pending.construction = std::make_unique<Construction>(
            environment_, programs_, std::move(*pending.plan), std::get<TenantGroup>(group), pending.timeline,
            pending.request.token_hash);
        pending.deadline = BootClock::now() + kConstructionTime;
    } catch (const Error& error) {
        log::warning("session " + pending.request.session + " of tenant " + pending.request.tenant +
                     " was not made: " + error.what());
        pending.reply(protocol::to_failure(error), {});
        pending.done = true;
    }
}

void Server::advance(Pending& pending) {
    try {
        if (pending.construction->advance()) {
            Sandbox sandbox = pending.construction->finish();
            const std::string session = sandbox.facts.session;
            log::info("session " + session + " of tenant " + sandbox.facts.tenant + " runs as " +
                      std::to_string(sandbox.facts.init_pid) + " in slot " +
                      std::to_string(sandbox.facts.slot));
            const Sandbox& kept = sandboxes_.emplace(session, std::move(sandbox)).first->second;
            pending.reply(kept.facts, {kept.pidfd.get(), kept.cgroup.fd()});
            pending.done = true;
        } else if (BootClock::now() >= pending.deadline) {
            throw Error(Errc::timed_out, "session " + pending.request.session + " was not made in time",
                        "look for a path of the policy that hangs, as one on a network file system");
        }
    } catch (const Error& error) {
        log::warning("session " + pending.request.session + " of tenant " + pending.request.tenant +
                     " was not made: " + error.what());
        pending.construction.reset(); // all undone before the caller hears of it
        pending.reply(protocol::to_failure(error), {});
        pending.done = true;
    }
}

void Server::end(const protocol::End& request, Reply reply) {
    Sandbox& sandbox = find(request.session);
    const Duration grace = std::min(Duration(request.grace_milliseconds), kMaxGrace);
    for (const auto& ender : enders_)
        if (&ender->sandbox == &sandbox) {
            ender->ending.hurry(grace);
            ender->replies.push_back(std::move(reply));
            return;
        }
    enders_.push_back(std::make_unique<Ender>(sandbox, grace));
    enders_.back()->replies.push_back(std::move(reply));
    advance(*enders_.back());
}

void Server::advance(Ender& ender) {
    try {
        switch (ender.ending.advance()) {
        case Ending::Progress::waiting:
            return;
        case Ending::Progress::empty:
            finish(ender);
            return;
        case Ending::Progress::stuck:
            throw Error(Errc::timed_out,
                        "session " + ender.sandbox.facts.session +
                            " has a process that the kernel does not end",
                        "it waits for a device or a file system (state D); its slot is not used again until "
                        "it is gone");
        }
    } catch (const Error& error) {
        log::error("session " + ender.sandbox.facts.session + " was not ended: " + error.what());
        for (const Reply& reply : ender.replies)
            reply(protocol::to_failure(error), {});
        ender.done = true;
    }
}

void Server::finish(Ender& ender) {
    protocol::Ended ended = read_last_figures(environment_, ender.sandbox);
    ended.last_step = ender.ending.last_rung();
    const std::string session = ended.session, tenant = ender.sandbox.facts.tenant;
    const std::string& group = ender.sandbox.cgroup.path();
    const kernel::CgroupDir parent = kernel::CgroupDir::open(group.substr(0, group.rfind('/')));
    if (!destroy_cgroup(parent, session, 1s))
        throw Error(Errc::io, "the cgroup " + group + " cannot be removed");
    remove_session_folders(environment_, session);
    std::vector<Reply> replies = std::move(ender.replies);
    ender.done = true;
    sandboxes_.erase(session); // the ender's sandbox is gone from here on
    release_tenant(tenant);
    log::info("session " + session + " of tenant " + tenant + " has ended (" + ended.last_step + ")");
    for (const Reply& reply : replies)
        reply(ended, {});
}

bool Server::tenant_is_used(const std::string& tenant) const {
    return std::ranges::any_of(sandboxes_,
                               [&](const auto& entry) { return entry.second.facts.tenant == tenant; }) ||
           std::ranges::any_of(
               pending_, [&](const auto& entry) { return !entry->done && entry->request.tenant == tenant; });
}

void Server::release_tenant(const std::string& tenant) {
    if (!tenant_is_used(tenant))
        driver_.release_tenant(tenant);
}

int Server::poll_timeout() const {
    std::optional<BootClock::time_point> next;
    const auto consider = [&](BootClock::time_point time) { next = next ? std::min(*next, time) : time; };
    for (const auto& pending : pending_)
        if (pending->construction)
            consider(pending->deadline);
    for (const auto& ender : enders_)
        consider(ender->ending.deadline());
    if (const auto timeout = driver_.poll_timeout())
        consider(BootClock::now() + *timeout);
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
        set.push_back({pending->construction ? pending->construction->status_fd() : -1, POLLIN, 0});
    for (const auto& ender : enders_) {
        set.push_back({ender->ending.events_fd(), POLLPRI, 0});
        set.push_back({ender->sandbox.pidfd.get(), POLLIN, 0});
    }
    return set;
}

void Server::run(int stop_fd, const std::function<void()>& on_stop_fd) {
    while (!stopping_) {
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
        std::vector<Pending*> pending;
        for (const auto& entry : pending_)
            pending.push_back(entry.get());
        std::vector<Ender*> enders;
        for (const auto& entry : enders_)
            enders.push_back(entry.get());
        for (const auto& connection : connections) {
            const short events = set[index++].revents;
            if ((events & POLLOUT) != 0)
                connection->flush();
            if ((events & (POLLIN | POLLHUP | POLLERR)) != 0)
                serve(*connection);
        }
        for (Pending* entry : pending)
            if (!entry->done && entry->construction)
                advance(*entry);
        for (Ender* entry : enders)
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
        std::erase_if(connections_, [](const auto& entry) { return entry->closed; });
        for (const std::string& tenant : failed_tenants)
            release_tenant(tenant);
    }
}

} // namespace sandbox::launcher
