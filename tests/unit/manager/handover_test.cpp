#include "sandbox/base/file.hpp"
#include "world.hpp"

#include <algorithm>
#include <chrono>

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using namespace std::chrono_literals;
using sandbox::test::error_of;
using sandbox::test::World;

TEST_CASE("a manager that leaves lets nobody wait, takes nothing new, and ends nothing") {
    World world;
    const Created created = world.ready();
    const auto waiting = world.start(world.manager().wait(created.session.id, {State::ended}, 1h));
    const std::uint64_t last = world.manager().events_since(0).last_id;
    world.settle();
    world.manager().leave();
    CHECK(world.manager().is_leaving());
    CHECK(error_of([&] { world.finish(waiting); }).code() == Errc::unavailable);
    CHECK(error_of([&] { world.create(); }).code() == Errc::unavailable);
    world.run(world.manager().events_changed(std::chrono::steady_clock::now() + 1h));
    world.run(world.manager().until_leaving());
    world.run(world.manager().written());
    CHECK(world.manager().events_since(last).events.empty());
    world.restart_manager();
    CHECK(world.wait(created.session.id, State::ready).pid == created.session.pid);
    CHECK((*world.launcher)->ends.empty());
}

TEST_CASE("what nobody claims is found at the launcher, and removed unless it is a dry run") {
    World world;
    world.ready();
    const std::vector<Leftover> left{{"cgroup", "/sys/fs/cgroup/x"}, {"link", "cx9"}};
    (*world.launcher)->leftovers = left;
    CHECK(world.run(world.manager().collect_garbage(true)) == left);
    CHECK(world.run(world.manager().collect_garbage(false)) == left);
    CHECK(world.run(world.manager().collect_garbage(true)).empty());
}

TEST_CASE("the trail tells each step of each session") {
    World world;
    const std::string id = world.ready().session.id;
    world.run(world.manager().remove(id, 0ms));
    world.stop_manager();
    const std::string trail = read_file((world.dir.path / "state/manager/audit/audit.jsonl").string());
    CHECK(std::ranges::count(trail, '\n') == 5);
    for (const char* state : {"queued", "starting", "ready", "ending", "ended"})
        CHECK(trail.find("\"outcome\":\"" + std::string(state) + "\"") != std::string::npos);
    CHECK(trail.find("deleted: It was deleted.") != std::string::npos);
}
