#pragma once

#include "launcher/authorize/authorize_launch.hpp"
#include "launcher/build/sandbox_builder.hpp"
#include "launcher/cgroup/driver.hpp"
#include "launcher/host/launcher_context.hpp"
#include "launcher/operations/teardown.hpp"
#include "launcher/records/exit_records.hpp"
#include "launcher/server/responder.hpp"
#include "sandbox/base/watchdog.hpp"
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
    /// `context` must outlive it.
    Server(LauncherContext& context, CgroupDriver driver);
    ~Server();

    /// Takes up the sandboxes that run, and sweeps what no session owns. Call it before `run`.
    void recover();
    /// Runs until `stop_fd` is readable.
    void run(int stop_fd, const std::function<void()>& on_stop_fd);
    void stop() { stopping_ = true; }
    /// As Rules::reload.
    void reload(const std::string& digest);

  private:
    struct Connection;
    struct LaunchJob;   ///< a launch from its request to its reply
    struct TeardownJob; ///< an end from its request to its reply
    struct RestartJob;  ///< a restart from its request to its reply
    struct WriteJob;    ///< a file on its way into a workspace

    void listen();
    void accept();
    void serve(Connection& connection);
    void handle(const std::shared_ptr<Connection>& connection, protocol::Packet<protocol::Request> packet,
                std::vector<UniqueFd> descriptors);
    void launch(const protocol::Launch& request, Responder& reply);
    void construct(LaunchJob& pending, std::variant<TenantGroup, Error> group);
    void advance(LaunchJob& pending);
    void end(const protocol::End& request, Responder& reply);
    void freeze(const protocol::Freeze& request, Responder& reply);
    void reclaim(const protocol::Reclaim& request, Responder& reply);
    void publish(const protocol::Publish& request, Responder& reply);
    void attach(const protocol::Attach& request, Responder& reply);
    void list(const protocol::List& request, Responder& reply) const;
    void forget(const protocol::Forget& request, Responder& reply);
    std::vector<protocol::Leftover> sweep_leftovers(bool dry_run);
    void look(const protocol::Look& request, Responder& reply);
    void restart(const protocol::Restart& request, Responder& reply);
    void advance(RestartJob& restarter);
    void put_file(const protocol::PutFile& request, std::vector<UniqueFd> descriptors, Responder& reply);
    void advance(WriteJob& writer);
    void set_limits(const protocol::SetLimits& request, Responder& reply);
    void advance(TeardownJob& ender);
    void finish(TeardownJob& ender);
    /// What is left of a sandbox in which nothing runs. Throws Error io where the kernel keeps its group.
    void remove(const std::string& session);
    Sandbox& find(const std::string& session);
    bool is_pending(const std::string& session) const;
    /// Throws Error conflict for one that is on its way out.
    Sandbox& find_staying(const std::string& session);
    bool tenant_is_used(const std::string& tenant) const;
    void release_tenant(const std::string& tenant);
    int poll_timeout() const;
    std::vector<pollfd> poll_set(int stop_fd) const;

    LauncherContext& context_;
    CgroupDriver driver_;
    SeccompPrograms programs_;
    Rules rules_;
    UniqueFd listener_;
    std::list<std::shared_ptr<Connection>> connections_;
    std::list<std::unique_ptr<LaunchJob>> pending_;
    std::list<std::unique_ptr<TeardownJob>> enders_;
    std::list<std::unique_ptr<RestartJob>> restarters_;
    std::list<std::unique_ptr<WriteJob>> writers_;
    std::map<std::string, Sandbox> sandboxes_;
    ExitRecords exit_records_;
    Watchdog watchdog_;
    bool stopping_ = false;
};

} // namespace sandbox::launcher
