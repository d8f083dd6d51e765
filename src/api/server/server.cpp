#include "api/server/server.hpp"

#include "api/http/connection.hpp"
#include "api/http/problem.hpp"
#include "api/routes/audit.hpp"
#include "api/routes/routes.hpp"
#include "api/routing/http_metrics.hpp"
#include "api/routing/route_check.hpp"
#include "api/server/published.hpp"
#include "api/transport/tls.hpp"
#include "sandbox/base/log.hpp"

#include <chrono>
#include <list>
#include <string_view>
#include <utility>

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
          router(make_router(its_manager, version, http_metrics)),
          authenticator(make_authenticator()) {
        if (its_manager.site().tls)
            tls.emplace(*its_manager.site().tls);
    }

    asio::io_context& io;
    manager::Manager& manager;
    HttpMetrics http_metrics;
    Router router;
    std::uint64_t reloads = 0; ///< of the manager's, that the authenticator knows
    Authenticator authenticator;
    std::optional<Tls> tls; ///< for all of TCP but published ports
    std::size_t connections = 0;
    std::size_t in_flight = 0; ///< requests whose answer has not been sent
    std::list<Acceptor> acceptors;
    std::vector<std::weak_ptr<asio::steady_timer>> drains; ///< cancelled when nothing is in flight

    Authenticator make_authenticator() {
        reloads = manager.reloads();
        return {manager.site(), manager.tenants(),
                [this](const std::string& token) { return manager.session_of_token(token); },
                [this](const std::string& token) { return manager.use_token(token); }};
    }
    /// By the files that are in force: a token that a reload took away opens nothing from then on.
    Caller authenticate(const Request& request, const Peer& peer) {
        if (reloads != manager.reloads())
            authenticator = make_authenticator();
        return authenticator.authenticate(request, peer);
    }

    std::shared_ptr<void> count();
    void request_done();
    Admitted admit(const Request& head, const Peer& peer);
    Admitted admit_to(const Match& match, const Request& head, const Peer& peer);
    std::function<bool()> same_again(const Caller& caller, const Request& head, const Peer& peer);
    asio::awaitable<void> accept(Acceptor& acceptor);
    void take(Stream::socket socket, Admit its_admit, bool is_local, bool with_tls);
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

void check_role(const Caller& caller, const Route& route) {
    const bool may = caller.role == Role::monitor ? route.for_monitors : caller.role >= route.minimum;
    if (!may) {
        throw Error(Errc::denied, "the caller's role does not include this",
                    route.minimum == Role::admin ? "Only admins may."
                                                 : "Use a tenant's or an admin's credentials.");
    }
}

asio::awaitable<std::optional<std::string>> next_allowed(BodyStream stream,
                                                         std::function<bool()> is_allowed) {
    std::optional<std::string> piece = co_await stream();
    if (!is_allowed())
        co_return std::nullopt;
    co_return piece;
}

/// Nothing is sent any more to a caller whose token was revoked, has expired, or means something else now.
/// Each piece is followed by the next within the stream's heartbeat.
BodyStream while_allowed(BodyStream stream, std::function<bool()> is_allowed) {
    return [stream = std::move(stream), is_allowed = std::move(is_allowed)] {
        return next_allowed(stream, is_allowed);
    };
}

asio::awaitable<Response> handle(manager::Manager& manager, const Route& route, RouteContext context,
                                 std::string actor) {
    check_body_is_heeded(route, context.request);
    find_session(manager, context);
    if (route.action.empty()) // no conditional expression: GCC 12 destroys temporaries of both its sides
        co_return co_await route.handler(std::move(context));
    co_return co_await answer_audited(manager, route, std::move(context), std::move(actor));
}

bool both(const std::function<bool()>& one, const std::function<bool()>& other) {
    return (!one || one()) && other();
}

/// The right to it may be gone since the head of the request came: its body may have taken minutes.
asio::awaitable<Response> answer_allowed(std::function<bool()> is_allowed, asio::awaitable<Response> answer) {
    if (!is_allowed())
        Client::throw_not_allowed();
    Response response = co_await std::move(answer);
    if (response.stream)
        response.stream = while_allowed(std::move(response.stream), std::move(is_allowed));
    else if (response.file)
        response.goes_on = [goes_on = std::move(response.goes_on), is_allowed = std::move(is_allowed)] {
            return both(goes_on, is_allowed);
        };
    co_return response;
}

} // namespace

Admitted Server::Shared::admit(const Request& head, const Peer& peer) {
    std::string route;
    const auto refused = [&](unsigned code) { http_metrics.observe(route, head.method, code, {}); };
    try {
        check_host_and_origin(head, peer, manager.site().host_names);
        const Match match = router.find(head.method, head.path);
        if (match.route != nullptr)
            route = match.route->pattern;
        Admitted admitted = admit_to(match, head, peer);
        if (admitted.refusal)
            refused(admitted.refusal->status);
        return admitted;
    } catch (const Error& error) {
        refused(static_cast<unsigned>(errc_info(error.code()).http_status));
        throw;
    }
}

Admitted Server::Shared::admit_to(const Match& match, const Request& head, const Peer& peer) {
    if (match.route == nullptr) {
        if (!match.allowed.empty())
            return method_not_allowed(match.allowed);
        throw Error(Errc::not_found, "there is no such path", "See the API's reference.", "url");
    }
    Caller caller;
    try {
        if (match.route->minimum != Role::anyone) {
            caller = authenticate(head, peer);
            check_role(caller, *match.route);
        }
    } catch (const Error& error) {
        audit_refusal(manager, head, peer, error);
        throw;
    }
    if (auto refusal = refuse_unheeded(*match.route, head))
        return {.max_body = 0, .answer = {}, .refusal = std::move(refusal)};
    std::string actor = actor_text(caller, peer, head.header("authorization").has_value());
    const bool streams_body = match.route->streams_body;
    std::function<bool()> is_allowed = [] { return true; };
    if (match.route->minimum != Role::anyone)
        is_allowed = same_again(caller, head, peer);
    return {.max_body = match.route->max_body,
            .answer =
                [self = shared_from_this(), route = match.route, caller = std::move(caller),
                 captured = match.captured, actor = std::move(actor),
                 is_allowed = std::move(is_allowed)](Request request) {
                    std::string method = request.method;
                    if (request.client)
                        request.client->allow_while(is_allowed);
                    RouteContext context{std::move(request), caller, captured};
                    return self->http_metrics.timed(
                        route->pattern, std::move(method),
                        answer_allowed(is_allowed, handle(self->manager, *route, std::move(context), actor)));
                },
            .streams_body = streams_body};
}

/// Whether these credentials still make the same caller.
std::function<bool()> Server::Shared::same_again(const Caller& caller, const Request& head,
                                                 const Peer& peer) {
    Request credentials;
    if (const auto authorization = head.header("authorization"))
        credentials.headers.emplace_back("authorization", *authorization);
    return [self = shared_from_this(), caller, credentials = std::move(credentials), peer] {
        try {
            return self->authenticate(credentials, peer) == caller;
        } catch (const Error&) {
            return false;
        }
    };
}

std::shared_ptr<void> Server::Shared::count() {
    ++in_flight;
    return {nullptr, [self = shared_from_this()](void*) { self->request_done(); }};
}

void Server::Shared::request_done() {
    if (--in_flight != 0)
        return;
    for (const auto& drain : drains)
        if (const auto timer = drain.lock())
            timer->cancel();
}

void Server::Shared::take(Stream::socket socket, Admit its_admit, bool is_local, bool with_tls) {
    if (connections >= (is_local ? kMaxConnections : kMaxTcpConnections)) {
        if (!with_tls)
            turn_away(socket);
        return;
    }
    auto place = std::make_shared<Place>(connections);
    auto self = shared_from_this();
    // From its acceptance on: whoever was taken off the listening socket gets an answer here, or none.
    const auto first = std::make_shared<std::shared_ptr<void>>(count());
    Admit counting = [this, self, first, its_admit = std::move(its_admit)](const Request& head) {
        const std::shared_ptr<void> until_here = std::exchange(*first, nullptr);
        Admitted admitted = its_admit(head);
        admitted.in_flight = count();
        return admitted;
    };
    asio::co_spawn(io, converse(std::move(socket), std::move(counting), with_tls ? tls->current() : nullptr),
                   [self, place](const std::exception_ptr&) {});
}

asio::awaitable<void> Server::Shared::accept(Acceptor& acceptor) {
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
            const bool is_local = peer.local, with_tls = tls && !is_local;
            Admit its_admit = [this, self, peer = std::move(peer)](const Request& head) {
                return admit(head, peer);
            };
            take(std::move(socket), std::move(its_admit), is_local, with_tls);
        } catch (const Error& failure) {
            log::warning(std::string("a connection was not taken: ") + failure.what());
        }
    }
}

void Server::Shared::take_published(const std::string& session, asio::ip::tcp::socket socket) {
    take(Stream::socket(std::move(socket)), published_port(manager, session), false, false);
}

Server::Server(asio::io_context& io, manager::Manager& manager, const std::string& version)
    : shared_(std::make_shared<Shared>(io, manager, version)) {
    manager.on_published_connection(
        [shared = shared_.get()](const std::string& session, asio::ip::tcp::socket socket) {
            shared->take_published(session, std::move(socket));
        });
    if (shared_->tls)
        manager.on_reload([shared = shared_.get()] { shared->tls->reload(); });
}

Server::~Server() {
    shared_->manager.on_published_connection({});
    shared_->manager.on_reload({});
}

void Server::serve(std::vector<UniqueFd> listeners) {
    for (UniqueFd& listener : listeners) {
        Acceptor& acceptor = shared_->acceptors.emplace_back(shared_->io);
        acceptor.assign(Stream(domain_of(listener.get()), 0), listener.get());
        static_cast<void>(listener.release());
        acceptor.non_blocking(true);
        asio::co_spawn(shared_->io, shared_->accept(acceptor), asio::detached);
    }
}

asio::awaitable<void> Server::drain(Duration timeout) {
    const auto shared = shared_;
    for (Acceptor& acceptor : shared->acceptors)
        acceptor.close();
    const auto timer = std::make_shared<asio::steady_timer>(shared->io, timeout);
    shared->drains.push_back(timer);
    if (shared->in_flight > 0)
        co_await timer->async_wait(kTuple);
    if (shared->in_flight > 0)
        log::warning(std::to_string(shared->in_flight) + " requests are not answered");
}

} // namespace sandbox::api
