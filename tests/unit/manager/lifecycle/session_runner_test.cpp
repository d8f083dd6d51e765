#include "world.hpp"

#include <csignal>
#include <fstream>
#include <set>

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using sandbox::test::error_of;
using sandbox::test::FakeSandbox;
using sandbox::test::World;

namespace {

protocol::ExitRecord exited(int status) {
    return {.run = 1, .exit_status = status, .signal = {}, .runtime_milliseconds = 7};
}

protocol::ExitRecord killed(int signal) {
    return {.run = 1, .exit_status = {}, .signal = signal, .runtime_milliseconds = 7};
}

} // namespace

TEST_CASE("a session becomes ready with all that the launcher said of it, and is removed without a trace") {
    World world;
    const Created created = world.create();
    const SessionView view = world.wait(created.session.id, State::ready);
    REQUIRE(view.state == State::ready);
    const FakeSandbox& sandbox = world.launcher->sandbox(view.id);
    CHECK(view.pid == sandbox.child);
    CHECK(view.port == sandbox.launched.port);
    CHECK(view.address == "127.0.0.1");
    CHECK(view.uid == sandbox.launched.uid);
    CHECK(view.engine.executable == sandbox.launched.executable);
    CHECK(view.timeline == sandbox.launched.timeline);
    CHECK(view.ready_at.has_value());
    CHECK(view.health.status == "healthy");
    CHECK((*world.launcher)->launches[0].digest == view.policy_digest);

    const SessionView end = world.run(world.manager().remove(view.id, {}));
    CHECK(end.state == State::ended);
    REQUIRE(end.end.has_value());
    CHECK(end.end->reason == EndReason::deleted);
    CHECK((*world.launcher)->sandboxes.empty());
    CHECK((*world.launcher)->ends[0].grace_milliseconds == 1000);
}

TEST_CASE("a launch that the launcher refuses ends the session with its words, and frees the slot") {
    World world([](policy::Site& site, Tuning&) { site.slots = 1; });
    (*world.launcher)->refuse_launch = [](const protocol::Launch&) {
        return protocol::Failure{Errc::unsupported, "controller memory is missing", "Boot with it.", ""};
    };
    const Created created = world.create();
    const SessionView view = world.ended(created.session.id);
    CHECK(view.end->reason == EndReason::launch_failed);
    CHECK_THAT(view.end->message, Catch::Contains("controller memory is missing"));
    CHECK_THAT(view.end->message, Catch::Contains("Boot with it."));
    CHECK((*world.launcher)->ends.empty());
    (*world.launcher)->refuse_launch = {};
    CHECK(world.ready().session.state == State::ready);
}

TEST_CASE("a slot that the launcher finds in use is left alone, and another one is taken") {
    World world;
    (*world.launcher)->refuse_launch = [](const protocol::Launch& launch) {
        return launch.slot == 0
                   ? std::optional(protocol::Failure{Errc::conflict, "slot 0 is in use", "", "slot"})
                   : std::nullopt;
    };
    const std::uint32_t first = world.ready().session.slot, second = world.ready().session.slot;
    CHECK(first != 0);
    CHECK(second != 0);
    CHECK(first != second);
}

TEST_CASE("a policy that was changed meanwhile is read again and used") {
    World world;
    std::filesystem::remove(world.dir.path / "policies/broken.toml"); // else there is no reload
    const auto file = world.dir.path / "policies/quick.toml";
    const std::uintmax_t size = std::filesystem::file_size(file);
    std::string text(size, '\0');
    std::ifstream(file).read(text.data(), static_cast<std::streamsize>(size));
    text.replace(text.find("\"1s\""), 4, "\"3s\"");
    std::ofstream(file) << text;
    std::string refused_digest;
    (*world.launcher)->refuse_launch = [&](const protocol::Launch& launch) {
        if (!refused_digest.empty())
            return std::optional<protocol::Failure>();
        refused_digest = launch.digest;
        return std::optional(protocol::Failure{Errc::conflict, "the policy is another one", "", "digest"});
    };
    const Created created = world.ready();
    CHECK(created.session.policy_digest != refused_digest);
    world.run(world.manager().remove(created.session.id, {}));
    CHECK((*world.launcher)->ends[0].grace_milliseconds == 3000);
}

TEST_CASE("an engine that never answers ends with start_timeout and the log's tail") {
    World world;
    (*world.launcher)->on_launched = [](FakeSandbox& sandbox) {
        sandbox.engine->serves = false;
        sandbox.write("log/stderr.0", "OSError: Address already in use\n");
    };
    const Created created = world.create("acme", "impatient");
    const SessionView view = world.ended(created.session.id);
    CHECK(view.end->reason == EndReason::start_timeout);
    CHECK_THAT(view.end->log_tail, Catch::Contains("Address already in use"));
    CHECK_THAT(view.end->message, Catch::Contains("1s"));
    CHECK_FALSE(view.ready_at.has_value());
}

TEST_CASE("an engine that ends while it starts ends the session at once, with its own reason") {
    World world;
    (*world.launcher)->on_launched = [](FakeSandbox& sandbox) {
        sandbox.write("log/stderr.0", "HOME is not writable\n");
        sandbox.engine_ends(exited(1));
    };
    const auto begin = std::chrono::steady_clock::now();
    const Created created = world.create();
    const SessionView view = world.ended(created.session.id);
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(4)); // start_timeout is 5 s
    CHECK(view.end->reason == EndReason::exited);
    CHECK(view.end->exit_status == 1);
    CHECK_THAT(view.end->log_tail, Catch::Contains("not writable"));
    CHECK((*world.launcher)->ends[0].grace_milliseconds == 0);
}

TEST_CASE("an engine that ends while it is ready is exited, signalled or oom, with the figures") {
    World world;
    const Created created = world.ready();
    FakeSandbox& sandbox = world.launcher->sandbox(created.session.id);
    sandbox.ended.memory_peak = 512_MiB;
    sandbox.ended.cpu_microseconds = 2'500'000;
    EndReason expected{};
    SECTION("by itself") {
        expected = EndReason::exited;
        sandbox.engine_ends(exited(0));
    }
    SECTION("of a signal") {
        expected = EndReason::signalled;
        sandbox.engine_ends(killed(SIGSEGV));
    }
    SECTION("at its memory limit") {
        expected = EndReason::oom;
        sandbox.ended.oom_kills = 1;
        sandbox.engine_ends(killed(SIGKILL));
    }
    const SessionView view = world.ended(created.session.id);
    CHECK(view.end->reason == expected);
    CHECK(view.end->memory_peak == 512_MiB);
    CHECK(view.end->cpu_seconds == Approx(2.5));
    CHECK(view.usage.memory_peak == 512_MiB);
    CHECK((*world.launcher)->sandboxes.empty());
}

TEST_CASE("an engine that ends in the middle of a request ends the session, and the request fails") {
    World world;
    const Created created = world.ready();
    FakeSandbox& sandbox = world.launcher->sandbox(created.session.id);
    sandbox.engine->holds = true;
    const auto reply = world.start(world.run_command(created.session.id, "crash"));
    world.until([&] { return !sandbox.engine->ran.empty(); }, "the engine has the command");
    CHECK(world.state(created.session.id) == State::busy);
    sandbox.engine_ends(killed(SIGABRT));
    const Error error = error_of([&] { world.finish(reply); });
    CHECK((error.code() == Errc::engine || error.code() == Errc::gone));
    CHECK(world.ended(created.session.id).end->reason == EndReason::signalled);
}

TEST_CASE("a sandbox whose init dies is seen by its pidfd, and with no record it is orphaned") {
    World world;
    const Created created = world.ready();
    FakeSandbox& sandbox = world.launcher->sandbox(created.session.id);
    sandbox.ended.record.reset();
    sandbox.init_dies();
    CHECK(world.ended(created.session.id).end->reason == EndReason::orphaned);
}

TEST_CASE("an engine that stops answering while nothing is asked of it is hung") {
    World world([](policy::Site&, Tuning& tuning) {
        tuning.health_interval = std::chrono::milliseconds(5);
        tuning.probe_timeout = std::chrono::milliseconds(200);
    });
    const Created created = world.ready();
    world.launcher->sandbox(created.session.id).engine->serves = false;
    const SessionView view = world.ended(created.session.id);
    CHECK(view.end->reason == EndReason::hung);
    CHECK_THAT(view.end->message, Catch::Contains("3 looks"));
}

TEST_CASE("at most eight launches are under way, and the others follow in their order") {
    // One that looks again by the clock in the moment of its turn would be some microseconds ahead.
    World world([](policy::Site&, Tuning& tuning) { tuning.queue_recheck = std::chrono::minutes(1); });
    world.until([&] { return (*world.launcher)->lists > 0; }, "the launcher is asked what it has");
    world.settle();
    (*world.launcher)->holds_launches = true;
    std::vector<std::string> ids;
    for (int i = 0; i < 12; ++i)
        ids.push_back(world.create().session.id);
    world.until([&] { return (*world.launcher)->launches.size() == 8; }, "eight come to the launcher");
    world.settle();
    CHECK((*world.launcher)->launches.size() == 8);
    CHECK(world.state(ids[7]) == State::starting);
    CHECK(world.state(ids[8]) == State::queued);
    (*world.launcher)->holds_launches = false;
    (*world.launcher)->changed.notify();
    std::set<std::uint32_t> slots;
    for (const std::string& id : ids)
        slots.insert(world.wait(id, State::ready).slot);
    CHECK(slots.size() == 12);
    CHECK((*world.launcher)->most_launching == 8);
    for (std::size_t i = 0; i < ids.size(); ++i)
        CHECK((*world.launcher)->launches[i].session == ids[i]);
}

TEST_CASE(
    "a launcher that dies in the middle of a launch: the next one is asked, and the session is made once") {
    World world;
    (*world.launcher)->holds_launches = true;
    const Created created = world.create();
    world.until([&] { return (*world.launcher)->launches.size() == 1; }, "the launch has come");
    world.launcher->stop_listening();
    world.launcher->disconnect();
    (*world.launcher)->holds_launches = false;
    std::size_t launches = 1;
    SECTION("what it had made is still there") {}
    SECTION("nothing is there") {
        launches = 2;
        (*world.launcher)->refuse_launch = [](const protocol::Launch&) {
            return std::optional(protocol::Failure{Errc::io, "nobody hears this", {}, {}});
        };
    }
    (*world.launcher)->changed.notify();
    world.settle();
    (*world.launcher)->refuse_launch = nullptr;
    CHECK(world.state(created.session.id) == State::starting);
    world.launcher->listen();
    CHECK(world.wait(created.session.id, State::ready).state == State::ready);
    CHECK((*world.launcher)->launches.size() == launches);
    CHECK((*world.launcher)->sandboxes.size() == 1);
}

TEST_CASE("a session whose launch kills the launcher each time is given up") {
    World world;
    (*world.launcher)->refuse_launch = [&](const protocol::Launch&) {
        world.launcher->disconnect();
        return std::optional(protocol::Failure{Errc::io, "nobody hears this", {}, {}});
    };
    const SessionView view = world.ended(world.create().session.id);
    CHECK(view.end->reason == EndReason::launch_failed);
    CHECK((*world.launcher)->launches.size() == 3);
}
