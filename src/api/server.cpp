#include "sandbox/api/server.hpp"

#include "sandbox/api/conversation.hpp"
#include "sandbox/api/handlers.hpp"
#include "sandbox/api/problem.hpp"
#include "sandbox/api/published.hpp"
#include "sandbox/base/log.hpp"

#include <chrono>
#include <string_view>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <sys/socket.h>

namespace asio = boost::asio;

namespace sandbox::api {
namespace {

using Stream = asio::generic::stream_protocol;
using Acceptor = asio::basic_socket_acceptor<Stream>;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

int domain_of(int socket) {
    int domain = 0;
    socklen_t size = sizeof domain;
    if (::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0)
        throw_errno("SO_DOMAIN of a listening socket");
    return domain;
}

/// Too many connections: a short word that never waits, then the end.
void turn_away(Stream::socket& socket) {
    static constexpr std::string_view kBusy = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: "
                                              "5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    static_cast<void>(
        ::send(socket.native_handle(), kBusy.data(), kBusy.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

/// Counts a connection for as long as it lives.
class Place {
  public:
    explicit Place(std::size_t& count) : count_(&count) { ++*count_; }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { --*count_; }

  private:
    std::size_t* count_;
};

} // namespace

struct Server::Shared : std::enable_shared_from_this<Server::Shared> {
    Shared(asio::io_context& context, manager::Manager& its_manager, const std::string& version)
        : io(context),
          manager(its_manager),
          router(make_router(its_manager, version)),
          authenticator(its_manager.site(), its_manager.tenants(),
                        [this](const std::string& token) { return manager.session_of_token(token); }) {}

    asio::io_context& io;
    manager::Manager& manager;
    Router router;
    Authenticator authenticator;
    std::size_t connections = 0;

    Admitted admit(const Request& head, const Peer& peer);
    asio::awaitable<void> accept(Acceptor acceptor);
    void take(Stream::socket socket, Admit its_admit);
    void take_published(const std::string& session, asio::ip::tcp::socket socket);
};

namespace {

Admitted method_not_allowed(const std::vector<std::string>& allowed) {
    std::string list;
    for (const std::string& method : allowed)
        list += (list.empty() ? "" : ", ") + method;
    Response response = http_problem(405, "Method Not Allowed", "this path does not take the method",
                                     "Use one of " + list + ".");
    response.headers.emplace_back("Allow", list);
    return {.max_body = 0, .answer = {}, .refusal = std::move(response)};
}

void check_role(const Caller& caller, Role minimum) {
    if (caller.role < minimum) {
        throw Error(Errc::denied, "the caller's role does not include this",
                    minimum == Role::admin ? "Only admins may."
                                           : "Use a tenant's or an admin's credentials.");
    }
}

} // namespace

Admitted Server::Shared::admit(const Request& head, const Peer& peer) {
    check_host_and_origin(head, peer);
    Match match = router.find(head.method, head.path);
    if (match.route == nullptr) {
        if (!match.allowed.empty())
            return method_not_allowed(match.allowed);
        throw Error(Errc::not_found, "there is no such path", "See the API's reference.", "url");
    }
    Caller caller;
    if (match.route->minimum != Role::anyone)
        caller = authenticator.authenticate(head, peer);
    check_role(caller, match.route->minimum);
    return {.max_body = match.route->max_body,
            .answer = [self = shared_from_this(), route = match.route, caller = std::move(caller),
                       captured = std::move(match.captured)](Request request) {
                return route->handler(Exchange{std::move(request), caller, captured});
            }};
}

void Server::Shared::take(Stream::socket socket, Admit its_admit) {
    if (connections >= kMaxConnections) {
        turn_away(socket);
        return;
    }
    auto place = std::make_shared<Place>(connections);
    auto self = shared_from_this();
    asio::co_spawn(io, converse(std::move(socket), std::move(its_admit)),
                   [self, place](const std::exception_ptr&) {});
}

asio::awaitable<void> Server::Shared::accept(Acceptor acceptor) {
    const auto self = shared_from_this();
    for (;;) {
        auto [error, socket] = co_await acceptor.async_accept(kTuple);
        if (error == asio::error::operation_aborted)
            co_return;
        if (error) {
            // Out of descriptors, most likely: the caller waits in the backlog meanwhile.
            log::warning("accept on an API socket: " + error.message());
            asio::steady_timer timer(io, std::chrono::milliseconds(100));
            co_await timer.async_wait(asio::use_awaitable);
            continue;
        }
        try {
            Peer peer = peer_of(socket.native_handle());
            take(std::move(socket),
                 [this, self, peer = std::move(peer)](const Request& head) { return admit(head, peer); });
        } catch (const Error& failure) {
            log::warning(std::string("a connection was not taken: ") + failure.what());
        }
    }
}

void Server::Shared::take_published(const std::string& session, asio::ip::tcp::socket socket) {
    take(Stream::socket(std::move(socket)), published_port(manager, session));
}

Server::Server(asio::io_context& io, manager::Manager& manager, const std::string& version)
    : shared_(std::make_shared<Shared>(io, manager, version)) {
    manager.on_published_connection(
        [shared = shared_.get()](const std::string& session, asio::ip::tcp::socket socket) {
            shared->take_published(session, std::move(socket));
        });
}

Server::~Server() {
    shared_->manager.on_published_connection({});
}

void Server::serve(std::vector<UniqueFd> listeners) {
    for (UniqueFd& listener : listeners) {
        Acceptor acceptor(shared_->io);
        acceptor.assign(Stream(domain_of(listener.get()), 0), listener.get());
        static_cast<void>(listener.release());
        acceptor.non_blocking(true);
        asio::co_spawn(shared_->io, shared_->accept(std::move(acceptor)), asio::detached);
    }
}

} // namespace sandbox::api
