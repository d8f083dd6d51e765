#include "world.hpp"

#include <chrono>

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using namespace std::chrono_literals;
using sandbox::test::error_of;
using sandbox::test::World;

TEST_CASE("a frozen session is thawed by a request, which is served") {
    World world;
    const std::string id = world.ready().session.id;
    CHECK(world.run(world.manager().set_frozen(id, true)).state == State::frozen);
    CHECK(world.manager().get(id).health.status == "frozen");
    CHECK(world.run(world.run_command(id, "version")).status == 200);
    CHECK(world.state(id) == State::ready);
    const auto& freezes = (*world.launcher)->freezes;
    REQUIRE(freezes.size() == 2);
    CHECK(freezes[0] == protocol::Freeze{id, true});
    CHECK(freezes[1] == protocol::Freeze{id, false});
}

TEST_CASE("freezing twice asks the launcher once, and so does thawing") {
    World world;
    const std::string id = world.ready().session.id;
    world.run(world.manager().set_frozen(id, true));
    world.run(world.manager().set_frozen(id, true));
    world.run(world.manager().set_frozen(id, false));
    CHECK(world.run(world.manager().set_frozen(id, false)).state == State::ready);
    CHECK((*world.launcher)->freezes.size() == 2);
}

TEST_CASE("a busy session is not frozen") {
    World world;
    const std::string id = world.ready().session.id;
    world.launcher->sandbox(id).engine->holds = true;
    const auto answer = world.start(world.run_command(id, "wait"));
    world.until([&] { return world.state(id) == State::busy; }, "the command runs");
    CHECK(error_of([&] { world.run(world.manager().set_frozen(id, true)); }).code() == Errc::conflict);
    world.launcher->sandbox(id).engine.let_one_out();
    CHECK(world.finish(answer).status == 200);
    CHECK((*world.launcher)->freezes.empty());
}

TEST_CASE("two requests to a frozen session thaw it once, and both are served") {
    World world;
    const std::string id = world.ready().session.id;
    world.run(world.manager().set_frozen(id, true));
    const auto first = world.start(world.run_command(id, "a"));
    const auto second = world.start(world.run_command(id, "b"));
    CHECK(world.finish(first).status == 200);
    CHECK(world.finish(second).status == 200);
    CHECK((*world.launcher)->freezes.size() == 2);
}

TEST_CASE("a frozen session is no ill one, and can be deleted") {
    World world([](policy::Site&, Tuning& tuning) {
        tuning.health_interval = 20ms;
        tuning.health_failures = 1;
    });
    const std::string id = world.ready().session.id;
    world.run(world.manager().set_frozen(id, true));
    world.launcher->sandbox(id).engine->serves = false;
    const auto since = BootClock::now();
    world.until([&] { return BootClock::now() - since > 150ms; }, "some looks at its health");
    CHECK(world.state(id) == State::frozen);
    CHECK(world.run(world.manager().remove(id, {})).end->reason == EndReason::deleted);
}

TEST_CASE("a session that nobody uses is frozen by its policy, then ended by it") {
    World world;
    const std::string id = world.ready("acme", "drowsy").session.id;
    CHECK(world.wait(id, State::frozen).state == State::frozen);
    CHECK((*world.launcher)->freezes.size() == 1);
    CHECK(world.ended(id).end->reason == EndReason::idle);
}
