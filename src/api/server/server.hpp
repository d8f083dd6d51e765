#pragma once

#include "sandbox/base/unique_fd.hpp"
#include "sandbox/manager/manager.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace sandbox::api {

inline constexpr std::size_t kMaxConnections = 1024;
inline constexpr std::size_t kMaxTcpConnections = 768; ///< of those: admins on the unix socket have the rest

/// The HTTP server: the API on listening sockets, and the published ports of sessions. Lives on the manager's
/// io_context thread; both must outlive it.
class Server {
  public:
    /// Throws Error where the site's certificate cannot be used, as Tls::reload.
    Server(boost::asio::io_context& io, manager::Manager& manager, const std::string& version);
    ~Server();

    /// Starts to accept on these listening stream sockets, unix or TCP.
    void serve(std::vector<UniqueFd> listeners);

    /// Takes no new connections (those wait at the listening sockets, for whoever has them next), and returns
    /// when all that is in flight was answered, or at the timeout.
    boost::asio::awaitable<void> drain(Duration timeout);

  private:
    struct Shared;
    std::shared_ptr<Shared> shared_;
};

} // namespace sandbox::api
