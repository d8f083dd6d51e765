#include "manager/session/launcher_client.hpp"
#include "world.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using sandbox::test::error_of;
using sandbox::test::FakeLauncher;

namespace {

/// A client at a fake launcher, on one loop.
struct Ends {
    explicit Ends(bool with_launcher = true) {
        tuning.reconnect_first = tuning.reconnect_longest = Duration(5);
        if (with_launcher)
            launcher.emplace(io, dir.path);
        client = std::make_shared<LauncherClient>(io, (dir.path / "launcher.sock").string(), tuning);
        client->start([this] { ++connections; });
    }
    ~Ends() { client->stop(); }

    void until(const std::function<bool()>& condition) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (!condition()) {
            REQUIRE(std::chrono::steady_clock::now() < deadline);
            io.restart();
            io.run_one_for(Duration(10));
        }
    }
    auto call(protocol::Request request, Duration timeout = std::chrono::seconds(10)) {
        auto result = std::make_shared<test::Result<LauncherAnswer>>();
        boost::asio::co_spawn(io, client->call(std::move(request), timeout),
                              [result](const std::exception_ptr& failure, LauncherAnswer answer) {
                                  result->failure = failure;
                                  if (!failure)
                                      result->value = std::move(answer);
                              });
        io.restart();
        io.poll();
        return result;
    }
    static Errc code(const std::shared_ptr<test::Result<LauncherAnswer>>& result) {
        REQUIRE(result->failure);
        return error_of([&] { std::rethrow_exception(result->failure); }).code();
    }

    test::TempDir dir;
    boost::asio::io_context io;
    Tuning tuning;
    std::optional<FakeLauncher> launcher;
    std::shared_ptr<LauncherClient> client;
    int connections = 0;
};

protocol::Launch launch_of(const std::string& id) {
    protocol::Launch launch;
    launch.session = id;
    launch.tenant = "acme";
    launch.policy = "quick";
    return launch;
}

} // namespace

TEST_CASE("replies find their requests in any order, with their descriptors") {
    Ends ends;
    (*ends.launcher)->holds_launches = true;
    const auto slow = ends.call(launch_of("slow"));
    const auto quick = ends.call(protocol::Inspect{"unknown"});
    ends.until([&] { return quick->done(); });
    CHECK(std::get<protocol::Failure>(quick->value->reply).code == Errc::not_found);
    CHECK_FALSE(slow->done());
    (*ends.launcher)->holds_launches = false;
    (*ends.launcher)->changed.notify();
    ends.until([&] { return slow->done(); });
    CHECK(std::get<protocol::Launched>(slow->value->reply).session == "slow");
    CHECK(slow->value->descriptors.size() == 2);
}

TEST_CASE("without a launcher a call is unavailable at once") {
    Ends ends(false);
    CHECK_FALSE(ends.client->connected());
    const auto result = ends.call(protocol::List{});
    REQUIRE(result->failure);
    CHECK(Ends::code(result) == Errc::unavailable);
}

TEST_CASE("a launcher that goes away fails what waits, and a new one is found") {
    Ends ends;
    CHECK(ends.connections == 1);
    (*ends.launcher)->holds_launches = true;
    const auto lost = ends.call(launch_of("lost"));
    ends.until([&] { return (*ends.launcher)->launches.size() == 1; });
    ends.launcher->disconnect();
    ends.until([&] { return lost->done(); });
    CHECK(Ends::code(lost) == Errc::unavailable);
    ends.until([&] { return ends.client->connected(); });
    CHECK(ends.connections == 2);
    const auto again = ends.call(protocol::List{});
    ends.until([&] { return again->done(); });
    CHECK(again->value.has_value());
}

TEST_CASE("a reply that does not come in time is timed_out, and its descriptors are closed when it comes") {
    Ends ends;
    (*ends.launcher)->holds_launches = true;
    const auto late = ends.call(launch_of("late"), Duration(10));
    ends.until([&] { return late->done(); });
    CHECK(Ends::code(late) == Errc::timed_out);
    const auto open = [] { return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}); };
    const auto before = open();
    (*ends.launcher)->holds_launches = false;
    (*ends.launcher)->changed.notify();
    const auto other = ends.call(protocol::List{});
    ends.until([&] { return other->done(); });
    (*ends.launcher)->sandboxes.clear();
    ends.io.poll();
    CHECK(open() == before);
    CHECK(ends.connections == 1);
}

TEST_CASE("a packet that is no reply of this version ends the connection, and a new one is made") {
    Ends ends;
    ends.until([&] { return !(*ends.launcher)->connections.empty(); });
    const auto lost = ends.call(protocol::Inspect{"x"});
    const auto connection = (*ends.launcher)->connections.front().lock();
    REQUIRE(connection);
    protocol::send_packet(connection->get(), R"({"version":2})");
    ends.until([&] { return ends.connections == 2; });
    CHECK(lost->done());
}

TEST_CASE("after stop no call is made and no connection is looked for") {
    Ends ends;
    (*ends.launcher)->holds_launches = true;
    const auto waiting = ends.call(launch_of("x"));
    ends.client->stop();
    ends.until([&] { return waiting->done(); });
    CHECK(Ends::code(waiting) == Errc::unavailable);
    ends.io.restart();
    ends.io.run_for(Duration(30));
    CHECK(ends.connections == 1);
}
