#include "world.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using namespace std::chrono_literals;
using sandbox::test::error_of;
using sandbox::test::World;

namespace {

void check_refused(World& world) {
    const Error error = error_of([&] { world.create(); });
    CHECK(error.code() == Errc::unavailable);
    REQUIRE(error.retry());
    CHECK(error.retry()->reason == "draining");
    CHECK(error.retry()->after > 0s);
    REQUIRE(world.manager().pressure().refuses);
    CHECK(world.manager().pressure().refuses->reason == "draining");
}

} // namespace

TEST_CASE("a host that drains refuses new sessions and those that wait, and keeps those that run") {
    World world;
    const Created running = world.ready("tiny");
    const Created waiting = world.create("tiny");
    CHECK(world.state(waiting.session.id) == State::queued);
    world.manager().drain(true);
    check_refused(world);
    const SessionView refused = world.ended(waiting.session.id);
    CHECK(refused.end->reason == EndReason::shutdown);
    CHECK(world.state(running.session.id) == State::ready);
    CHECK(world.run(world.manager().until_empty(0ms)) == 1);
    const auto empty = world.start(world.manager().until_empty(1h));
    world.settle();
    CHECK_FALSE(empty->done());
    world.run(world.manager().remove(running.session.id, 0ms));
    CHECK(world.finish(empty) == 0);
    world.manager().drain(false);
    world.ready("tiny");
}

TEST_CASE("a host that drains does so after a restart and a handover, until that is undone") {
    World world;
    world.ready();
    world.manager().drain(true);
    world.restart_manager();
    world.until([&] { return world.manager().launcher_connected(); }, "the launcher is there");
    CHECK(world.manager().is_draining());
    check_refused(world);
    world.manager().drain(false);
    world.restart_manager();
    world.until([&] { return world.manager().launcher_connected(); }, "the launcher is there");
    CHECK_FALSE(world.manager().is_draining());
    world.ready();
}
