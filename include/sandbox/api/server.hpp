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

/// The HTTP server: the API on listening sockets, and the published ports of sessions. Lives on the manager's
/// io_context thread; both must outlive it.
class Server {
  public:
    Server(boost::asio::io_context& io, manager::Manager& manager, const std::string& version);
    ~Server();

    /// Starts to accept on these listening stream sockets, unix or TCP.
    void serve(std::vector<UniqueFd> listeners);

  private:
    struct Shared;
    std::shared_ptr<Shared> shared_;
};

} // namespace sandbox::api
