#include "world.hpp"

#include <array>
#include <set>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <catch2/catch.hpp>
#include <unistd.h>

using namespace sandbox;
using namespace sandbox::manager;
using sandbox::test::error_of;
using sandbox::test::FakeSandbox;
using sandbox::test::World;
using tcp = boost::asio::ip::tcp;

TEST_CASE("wait returns at the state, at the end of the session, or with timed_out") {
    World world;
    (*world.launcher)->holds_launches = true;
    const Created created = world.create();
    const std::string id = created.session.id;
    const Error error = error_of([&] { world.run(world.manager().wait(id, {State::ready}, Duration(10))); });
    CHECK(error.code() == Errc::timed_out);
    const auto waiting = world.start(world.manager().wait(id, {State::ready}, std::chrono::seconds(10)));
    (*world.launcher)->refuse_launch = [](const protocol::Launch&) {
        return protocol::Failure{Errc::io, "no", "", ""};
    };
    (*world.launcher)->holds_launches = false;
    (*world.launcher)->changed.notify();
    CHECK(world.finish(waiting).state == State::ended);
}

TEST_CASE("usage comes from the session's own cgroup files, and what is absent stays absent") {
    World world;
    const Created without = world.ready();
    SessionView::Usage usage = world.manager().get(without.session.id).usage;
    CHECK_FALSE(usage.memory.has_value());
    CHECK_FALSE(usage.cpu_seconds.has_value());
    (*world.launcher)->on_launched = [](FakeSandbox& sandbox) {
        sandbox.write("memory.current", "1\n");
        sandbox.write("memory.peak", "234567\n");
        sandbox.write("cpu.stat", "usage_usec 1500000\nuser_usec 1\n");
        sandbox.write("pids.current", "7\n");
    };
    const Created created = world.ready();
    world.launcher->sandbox(created.session.id).write("memory.current", "123456\n");
    usage = world.manager().get(created.session.id).usage;
    CHECK(usage.memory == Bytes{123456});
    CHECK(usage.memory_peak == Bytes{234567});
    CHECK(usage.cpu_seconds == Approx(1.5));
    CHECK(usage.pids == 7U);
}

TEST_CASE("logs are read by stream, and no other file is") {
    World world;
    const Created created = world.ready();
    world.launcher->sandbox(created.session.id).write("log/stdout.0", "cmd> REST server started\n");
    CHECK(world.manager().open_log(created.session.id, "stdout", 8).next_piece() == "started\n");
    CHECK(world.manager().open_log(created.session.id, "stderr", 8).next_piece().empty());
    for (const char* stream : {"../payload/cgroup.events", "", "stdout.0"})
        CHECK(error_of([&] { world.manager().open_log(created.session.id, stream, 8); }).code() ==
              Errc::invalid_argument);
}

TEST_CASE("a file of the workspace is what the launcher opened") {
    World world;
    const std::string id = world.ready().session.id;
    const OpenedFile file = world.run(world.manager().open_file(id, "a/b.cxs"));
    std::array<char, 16> text{};
    CHECK(file.size == 7);
    CHECK(::pread(file.fd.get(), text.data(), text.size(), 0) == 7);
    CHECK(std::string(text.data(), 7) == "a/b.cxs");
}

TEST_CASE("inspect hands on what the launcher sees") {
    World world;
    const Created created = world.ready();
    const std::string& id = created.session.id;
    CHECK(world.run(world.manager().inspect(id)) == R"({"seen":")" + id + "\"}");
}

TEST_CASE("a published port is known before the session is ready, and its connections are handed on") {
    World world;
    std::vector<std::pair<std::string, tcp::socket>> handed;
    world.manager().on_published_connection([&](std::string id, tcp::socket connection) {
        handed.emplace_back(std::move(id), std::move(connection));
    });
    const Created first = world.ready("acme", "open");
    const Created second = world.ready("acme", "open");
    REQUIRE(first.session.published_port.has_value());
    REQUIRE(second.session.published_port.has_value());
    CHECK(*first.session.published_port != *second.session.published_port);
    CHECK_FALSE(world.ready("acme", "quick").session.published_port.has_value());

    const tcp::endpoint port(boost::asio::ip::address_v4::loopback(), *second.session.published_port);
    tcp::socket client(world.io);
    client.connect(port);
    world.until([&] { return handed.size() == 1; }, "the connection is handed on");
    CHECK(handed[0].first == second.session.id);
    CHECK(handed[0].second.remote_endpoint() == client.local_endpoint());

    world.run(world.manager().remove(second.session.id, {}));
    tcp::socket late(world.io);
    boost::system::error_code refused;
    late.connect(port, refused);
    CHECK(refused == boost::asio::error::connection_refused);
}

TEST_CASE("a policy that publishes, at a launcher that cannot: the session ends and says so") {
    World world;
    (*world.launcher)->refuses_publish = true;
    const Created created = world.create("acme", "open");
    const SessionView view = world.ended(created.session.id);
    CHECK(view.end->reason == EndReason::launch_failed);
    CHECK_THAT(view.end->message, Catch::Contains("published"));
    CHECK((*world.launcher)->sandboxes.empty());
}

TEST_CASE("a sandbox that this manager has given up is ended when it comes after all, and soon") {
    World world;
    const Created mine = world.ready();
    const Created given_up = world.ready();
    world.run(world.manager().remove(given_up.session.id, {}));
    protocol::Launch late;
    late.session = given_up.session.id;
    late.tenant = "acme";
    late.slot = 33;
    (*world.launcher)
        ->sandboxes.emplace(late.session,
                            std::make_unique<FakeSandbox>(world.io, world.dir.path / late.session, late));
    world.until([&] { return !(*world.launcher)->sandboxes.contains(late.session); }, "it is ended");
    CHECK(world.ended(late.session).end->reason == EndReason::deleted);
    CHECK(world.state(mine.session.id) == State::ready);
}

TEST_CASE("a launcher that comes back leaves running sessions alone") {
    World world;
    const Created created = world.ready();
    world.launcher->disconnect();
    world.until([&] { return (*world.launcher)->lists >= 2; }, "the new connection is swept");
    world.settle();
    CHECK(world.state(created.session.id) == State::ready);
    CHECK(world.run(world.run_command(created.session.id, "version")).status == 200);
    for (const protocol::End& end : (*world.launcher)->ends) // of the version probe, perhaps
        CHECK(end.session != created.session.id);
}

TEST_CASE("the engine's version is found once, in a sandbox of its own that nobody sees") {
    World world;
    (*world.launcher)->takes_probes = true;
    const Created first = world.ready();
    CHECK(world.manager().list().size() == 1);
    world.until([&] { return !world.manager().get(first.session.id).engine.version.empty(); },
                "the version is known");
    const SessionView view = world.manager().get(first.session.id);
    CHECK(view.engine.version == "1.11 (2025-12-16)");
    CHECK(view.engine.renders == true);
    CHECK_FALSE(view.engine.stand_in);
    world.until([&] { return (*world.launcher)->sandboxes.size() == 1; }, "the probe is gone");
    const Created second = world.ready();
    CHECK(second.session.engine.version == "1.11 (2025-12-16)");
    world.settle();

    REQUIRE((*world.launcher)->launches.size() == 3);
    const protocol::Launch& probe = (*world.launcher)->launches[1];
    CHECK(probe.tenant == "probe");
    CHECK(probe.policy == "probe");
    CHECK(probe.probe_of == "quick");
    CHECK(probe.digest == first.session.policy_digest);
    CHECK(world.launcher->sandbox(first.session.id).engine->ran.empty());
    CHECK(error_of([&] { world.manager().get(probe.session); }).code() == Errc::not_found);
    CHECK(world.manager().list().size() == 2);
}

TEST_CASE("a stand-in is told from its first moment, by the launcher") {
    World world;
    (*world.launcher)->on_launched = [](FakeSandbox& sandbox) { sandbox.launched.stand_in = true; };
    const Created created = world.ready();
    CHECK(world.manager().get(created.session.id).engine.stand_in);
    CHECK_FALSE(world.manager().get(created.session.id).engine.renders.has_value());
}

TEST_CASE("a broken policy or tenant spoils no other, and the sound ones are listed") {
    World world;
    std::set<std::string> names;
    for (const policy::Policy& policy : world.manager().policies())
        names.insert(policy.name);
    CHECK(names == std::set<std::string>{"drowsy", "impatient", "impatient_sturdy", "mortal", "open", "quick",
                                         "rare", "saving", "sealed", "sturdy"});
    CHECK(world.manager().tenants().size() == 3);
}
