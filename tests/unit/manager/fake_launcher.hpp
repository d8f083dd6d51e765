#pragma once

#include "fake_sandbox.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/protocol/message.hpp"
#include "sandbox/protocol/packet_socket.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace sandbox::test {

/// Speaks the launcher's side of the protocol on a socket of its own, in the test's thread.
class FakeLauncher {
  public:
    FakeLauncher(boost::asio::io_context& io, std::filesystem::path folder);
    ~FakeLauncher();

    void listen();
    void stop_listening();
    /// Drops all connections, as a launcher that dies does. Sandboxes stay.
    void disconnect();
    FakeSandbox& sandbox(const std::string& id) { return *state_->sandboxes.at(id); }

    struct State {
        State(boost::asio::io_context& context, std::filesystem::path where)
            : io(context),
              folder(std::move(where)),
              changed(context.get_executor()) {}
        boost::asio::io_context& io;
        const std::filesystem::path folder;
        async::Notifier changed;
        UniqueFd listener;
        unsigned listening = 0; ///< counts the calls of listen
        std::vector<std::weak_ptr<UniqueFd>> connections;
        std::map<std::string, std::unique_ptr<FakeSandbox>> sandboxes;

        // What the test says.
        std::function<std::optional<protocol::Failure>(const protocol::Launch&)> refuse_launch;
        std::function<void(FakeSandbox&)> on_launched; ///< before the reply goes out
        std::function<std::optional<protocol::Failure>(const protocol::End&)> refuse_end;
        std::function<std::optional<protocol::Failure>()> refuse_reload;
        bool takes_probes = false; ///< else a launch under the policy `probe` is refused and not noted
        bool refuses_publish = false;
        bool holds_launches = false, holds_ends = false, holds_lists = false, holds_puts = false;
        std::map<std::string, std::string> contents; ///< of files of any session; of others their own path

        std::vector<protocol::Leftover> leftovers; ///< for the next Sweep

        // What the manager said.
        std::vector<protocol::Launch> launches;
        std::vector<protocol::End> ends;
        std::vector<protocol::Freeze> freezes;
        std::vector<protocol::Restart> restarts;
        std::vector<protocol::Reclaim> reclaims;
        std::vector<protocol::SetLimits> limits;
        std::vector<protocol::Reload> reloads;
        std::map<std::string, std::string> files;          ///< that were put: `session/path` and content
        std::function<void(FakeSandbox&)> on_restarted;    ///< before the reply goes out
        std::map<std::string, protocol::Ended> last_words; ///< until they are forgotten
        unsigned lists = 0;
        unsigned launching = 0, most_launching = 0;
    };
    State* operator->() { return state_.get(); }

  private:
    std::shared_ptr<State> state_;
};

} // namespace sandbox::test
