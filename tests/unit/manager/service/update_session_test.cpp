#include "world.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using sandbox::test::error_of;
using sandbox::test::World;
using namespace std::chrono_literals;

TEST_CASE("a restart that was asked for is made where the policy has none, and is no crash loop") {
    World world;
    const std::string id = world.ready().session.id;
    for (std::uint64_t restarts = 1; restarts <= 3; ++restarts) {
        CHECK(world.run(world.manager().restart(id)).state == State::recovering);
        CHECK(error_of([&] { world.run(world.manager().restart(id)); }).code() == Errc::conflict);
        world.until([&] { return world.state(id) == State::ready; }, "it serves again");
        CHECK(world.manager().get(id).restarts == restarts);
    }
    CHECK((*world.launcher)->restarts.size() == 3);
    CHECK(world.run(world.run_command(id, "version")).status == 200);
}

TEST_CASE("a restart ends the command that hangs") {
    World world;
    const std::string id = world.ready().session.id;
    world.launcher->sandbox(id).engine->holds = true;
    const auto hangs = world.start(world.run_command(id, "hangs"));
    world.until([&] { return world.launcher->sandbox(id).engine->ran.size() == 1; }, "it has come");
    (*world.launcher)->on_restarted = [](test::FakeSandbox& sandbox) { sandbox.engine->holds = false; };
    world.launcher->sandbox(id).engine.die(); // as the launcher's kill does
    world.run(world.manager().restart(id));
    CHECK(error_of([&] { world.finish(hangs); }).code() == Errc::engine);
    world.until([&] { return world.state(id) == State::ready; }, "it serves again");
}

TEST_CASE("new limits go to the launcher, count for the host's memory, and stay") {
    World world;
    const std::string id = world.ready().session.id;
    SessionChange change;
    change.limits.memory_max = 2_GiB;
    const SessionView changed = world.run(world.manager().change(id, change));
    CHECK(changed.enforced.memory_max == 2_GiB);
    REQUIRE((*world.launcher)->limits.size() == 1);
    CHECK((*world.launcher)->limits[0].memory_max == 2_GiB);
    change.limits.memory_max = 3_GiB;
    CHECK(error_of([&] { world.run(world.manager().change(id, change)); }).code() == Errc::denied);
    CHECK((*world.launcher)->limits.size() == 1);
    CHECK(world.manager().get(id).enforced.memory_max == 2_GiB);
}

TEST_CASE("more memory than the host has promised still is capacity, and nothing has changed") {
    World world([](policy::Site& site, Tuning&) {
        site.admission.memory_budget = 3_GiB;
        site.admission.memory_overcommit = 1;
    });
    const std::string id = world.ready().session.id;
    world.ready();
    world.ready();
    SessionChange change;
    change.name = "new";
    change.limits.memory_max = 2_GiB;
    CHECK(error_of([&] { world.run(world.manager().change(id, change)); }).code() == Errc::capacity);
    CHECK(world.manager().get(id).name.empty());
    CHECK(world.manager().get(id).enforced.memory_max == 1_GiB);
}

TEST_CASE("a frozen session is thawed before a file comes") {
    World world;
    const std::string id = world.ready().session.id;
    world.run(world.manager().set_frozen(id, true));
    const OpenedFile source = world.run(world.manager().open_file(id, "content"));
    CHECK(world.state(id) == State::frozen);
    NewFile file;
    file.path = "target";
    file.content = UniqueFd(::dup(source.fd.get()));
    file.size = source.size;
    const StoredFile stored = world.run(world.manager().put_file(id, std::move(file)));
    CHECK(stored.created);
    CHECK(world.state(id) == State::ready);
    CHECK((*world.launcher)->files.at(id + "/target") == "content");
}

TEST_CASE("one list of a session's folders is made at a time, few wait, and files are opened meanwhile") {
    World world;
    const std::string id = world.ready().session.id;
    (*world.launcher)->holds_puts = true;
    std::vector<std::shared_ptr<test::Result<OpenedFile>>> lists;
    for (int i = 0; i < 17; ++i)
        lists.push_back(world.start(world.manager().list_folder(id, "", "")));
    world.settle();
    CHECK(error_of([&] { world.run(world.manager().list_folder(id, "", "")); }).code() == Errc::quota);
    CHECK(world.run(world.manager().open_file(id, "content")).size == 7);
    (*world.launcher)->holds_puts = false;
    (*world.launcher)->changed.notify();
    for (const auto& list : lists)
        CHECK(world.finish(list).size > 0);
}
