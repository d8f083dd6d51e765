#pragma once

#include "sandbox/base/duration.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/chimerax/rest_client.hpp"
#include "sandbox/manager/session_view.hpp"
#include "sandbox/manager/tuning.hpp"
#include "sandbox/policy/policy.hpp"
#include "sandbox/policy/site.hpp"
#include "sandbox/policy/tenant.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace sandbox::manager {

struct CreateRequest {
    std::string tenant;
    std::string policy; ///< empty: the first that the tenant may use
    std::string name;
    std::map<std::string, std::string> labels;
    policy::Overrides overrides;
};

struct Created {
    SessionView session;
    std::string token; ///< the only time that it is shown
};

/// A file of a session's workspace, for reading.
struct OpenedFile {
    UniqueFd fd;
    std::uint64_t size = 0; ///< when it was opened
};

/// Everything that happens to sessions. Lives on one io_context thread; nothing here blocks it. All errors
/// are Error, with the codes that the API maps to its statuses.
class Manager {
  public:
    /// Reads policies and tenants, and connects to the launcher at `site.run_dir`/launcher.sock.
    Manager(boost::asio::io_context& io, policy::Site site, const Tuning& tuning = {});
    ~Manager();

    /// Admits, takes a slot, launches in the background. Returns once the session exists; use `wait` for its
    /// readiness.
    boost::asio::awaitable<Created> create(CreateRequest request);

    /// Throws Error not_found for what never was. An ended session's view has `end`.
    SessionView get(const std::string& id) const;
    std::vector<SessionView> list() const;

    /// Returns when the session is in one of the states, or has ended, or at the deadline (Error timed_out).
    boost::asio::awaitable<SessionView> wait(std::string id, std::vector<State> states, Duration timeout);

    /// Ends it and waits until nothing is left of it. Idempotent.
    boost::asio::awaitable<SessionView> remove(std::string id, std::optional<Duration> grace);

    /// One request to the session's ChimeraX: one at a time for each session, others wait in a bounded queue
    /// (Error quota when it is full, timed_out when the turn does not come). A session that is not ready is
    /// Error conflict, an ended one gone.
    boost::asio::awaitable<chimerax::RestReply> rest(std::string id, chimerax::RestRequest request,
                                                     Duration timeout);

    /// What the launcher sees of it, as JSON.
    boost::asio::awaitable<std::string> inspect(std::string id);

    /// A regular file below its /work, opened by the launcher with the session's own rights.
    boost::asio::awaitable<OpenedFile> open_file(std::string id, std::string path);

    /// The last `tail` bytes of a stream ("stdout", "stderr"), segments put in order.
    std::string read_log(const std::string& id, const std::string& stream, std::size_t tail) const;

    /// True when `token` is that session's token; in constant time.
    bool token_matches(const std::string& id, const std::string& token) const;
    /// The session that a token belongs to.
    std::optional<std::string> session_of_token(const std::string& token) const;

    const policy::Site& site() const;
    std::vector<policy::Policy> policies() const;
    std::vector<policy::Tenant> tenants() const;
    /// Is the launcher there and does it answer?
    bool launcher_connected() const;

    /// Published ports: the manager accepts on the session's listening socket and hands each connection to
    /// this function (the API speaks HTTP on it and wants that session's token). Set it before the first
    /// create.
    using PublishedConnection =
        std::function<void(std::string session_id, boost::asio::ip::tcp::socket connection)>;
    void on_published_connection(PublishedConnection handler);

    /// Ends every session, waits until nothing is left, then returns. New creates are refused from the first
    /// moment.
    boost::asio::awaitable<void> shutdown();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace sandbox::manager
