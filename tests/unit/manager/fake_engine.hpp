#pragma once

#include "sandbox/async/notifier.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace sandbox::test {

/// Stands where ChimeraX would: an HTTP/1.0 server on loopback that does what the test says. Takes
/// connections side by side, so that it sees when two come at once.
class FakeEngine {
  public:
    explicit FakeEngine(boost::asio::io_context& io);
    ~FakeEngine();
    FakeEngine(const FakeEngine&) = delete;
    FakeEngine& operator=(const FakeEngine&) = delete;

    std::uint16_t port() const;
    /// After that, it is there again on the same port.
    void live_again();
    /// Closes its port and all connections, as a dying process does.
    void die();

    struct State {
        explicit State(boost::asio::io_context& io) : acceptor(io), changed(io.get_executor()) {}
        boost::asio::ip::tcp::acceptor acceptor;
        async::Notifier changed;
        std::vector<std::weak_ptr<boost::asio::ip::tcp::socket>> open;

        bool serves = true;   ///< false: it takes connections and closes them without an answer
        bool holds = false;   ///< answers to /run wait
        bool blocks = false;  ///< and meanwhile all others, as in ChimeraX
        std::string fails_on; ///< commands with this in them end with an error
        std::map<std::string, std::string> answers; ///< whole ones, to targets with this in them
        unsigned let_out = 0;                       ///< of the held answers
        std::vector<std::string> ran;               ///< targets of /run in the order in which they came
        unsigned inside = 0, most_inside = 0;
        std::string note = "UCSF ChimeraX version: 1.11 (2025-12-16)\\n";
    };
    State& operator*() { return *state_; }
    State* operator->() { return state_.get(); }
    void let_one_out();

  private:
    void listen();

    std::shared_ptr<State> state_;
    std::uint16_t port_ = 0;
};

} // namespace sandbox::test
