#pragma once

#include "sandbox/launcher/cgroup_driver.hpp"
#include "sandbox/launcher/construction.hpp"
#include "sandbox/launcher/ending.hpp"
#include "sandbox/launcher/environment.hpp"
#include "sandbox/launcher/request_check.hpp"
#include "sandbox/protocol/message.hpp"

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <poll.h>

namespace sandbox::launcher {

/// The launcher's one loop: takes requests of the manager, drives constructions and endings, never waits for
/// any one of them.
class Server {
  public:
    /// `environment` must outlive it.
    Server(Environment& environment, CgroupDriver driver);
    ~Server();

    /// Takes up the sandboxes that run, and sweeps what no session owns. Call it before `run`.
    void recover();
    /// Runs until `stop_fd` is readable.
    void run(int stop_fd, const std::function<void()>& on_stop_fd);
    void stop() { stopping_ = true; }

  private:
    struct Connection;
    struct Pending; ///< a launch from its request to its reply
    struct Ender;   ///< an end from its request to its reply
    using Reply = std::function<void(protocol::Reply, std::vector<int>)>;

    void listen();
    void accept();
    void serve(Connection& connection);
    void handle(const std::shared_ptr<Connection>& connection, protocol::Packet<protocol::Request> packet);
    void launch(const protocol::Launch& request, Reply reply);
    void construct(Pending& pending, std::variant<TenantGroup, Error> group);
    void advance(Pending& pending);
    void end(const protocol::End& request, Reply reply);
    void advance(Ender& ender);
    void finish(Ender& ender);
    Sandbox& find(const std::string& session);
    bool tenant_is_used(const std::string& tenant) const;
    void release_tenant(const std::string& tenant);
    int poll_timeout() const;
    std::vector<pollfd> poll_set(int stop_fd) const;

    Environment& environment_;
    CgroupDriver driver_;
    SeccompPrograms programs_;
    PolicyCache policies_;
    UniqueFd listener_;
    std::list<std::shared_ptr<Connection>> connections_;
    std::list<std::unique_ptr<Pending>> pending_;
    std::list<std::unique_ptr<Ender>> enders_;
    std::map<std::string, Sandbox> sandboxes_;
    bool stopping_ = false;
};

} // namespace sandbox::launcher
