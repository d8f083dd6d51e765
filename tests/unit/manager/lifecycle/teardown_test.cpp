#include "world.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using sandbox::test::error_of;
using sandbox::test::World;

TEST_CASE("a session that is deleted in the queue ends at once, and nothing is launched for it") {
    World world;
    (*world.launcher)->holds_launches = true;
    std::vector<std::string> ids;
    for (int i = 0; i < 9; ++i)
        ids.push_back(world.create().session.id);
    world.until([&] { return (*world.launcher)->launches.size() == 8; }, "eight come to the launcher");
    REQUIRE(world.state(ids[8]) == State::queued);
    const SessionView view = world.run(world.manager().remove(ids[8], {}));
    CHECK(view.state == State::ended);
    CHECK(view.end->reason == EndReason::cancelled);
    (*world.launcher)->holds_launches = false;
    (*world.launcher)->changed.notify();
    for (std::size_t i = 0; i < 8; ++i)
        CHECK(world.wait(ids[i], State::ready).state == State::ready);
    world.settle();
    CHECK((*world.launcher)->launches.size() == 8);
}

TEST_CASE("a session that is deleted while it starts is cancelled, and what was made is removed") {
    World world;
    SECTION("while the launcher works") {
        (*world.launcher)->holds_launches = true;
        const Created created = world.create();
        world.until([&] { return (*world.launcher)->launches.size() == 1; }, "the launch has come");
        const auto removed = world.start(world.manager().remove(created.session.id, {}));
        world.settle();
        CHECK_FALSE(removed->done());
        (*world.launcher)->holds_launches = false;
        (*world.launcher)->changed.notify();
        CHECK(world.finish(removed).end->reason == EndReason::cancelled);
    }
    SECTION("while the engine starts") {
        (*world.launcher)->on_launched = [](test::FakeSandbox& sandbox) { sandbox.engine->serves = false; };
        const Created created = world.create();
        world.until([&] { return world.manager().get(created.session.id).pid != 0; }, "it is launched");
        const auto removed = world.start(world.manager().remove(created.session.id, {}));
        CHECK(world.finish(removed).end->reason == EndReason::cancelled);
    }
    CHECK((*world.launcher)->sandboxes.empty());
    CHECK((*world.launcher)->ends.size() == 1);
}

TEST_CASE("deleting twice, at once or later, is the same as deleting once") {
    World world;
    const Created created = world.ready();
    (*world.launcher)->holds_ends = true;
    const auto first = world.start(world.manager().remove(created.session.id, {}));
    const auto second = world.start(world.manager().remove(created.session.id, Duration(5000)));
    world.until([&] { return !(*world.launcher)->ends.empty(); }, "the end has come");
    CHECK(world.state(created.session.id) == State::ending);
    (*world.launcher)->holds_ends = false;
    (*world.launcher)->changed.notify();
    const SessionView one = world.finish(first);
    CHECK(one.end->reason == EndReason::deleted);
    CHECK(world.finish(second).end->at == one.end->at);
    CHECK(world.run(world.manager().remove(created.session.id, {})).end->at == one.end->at);
    CHECK((*world.launcher)->ends.size() == 1);
}

TEST_CASE("deleting again with a shorter grace hurries the end that is under way") {
    World world;
    const Created created = world.ready();
    (*world.launcher)->holds_ends = true;
    const auto first = world.start(world.manager().remove(created.session.id, {}));
    world.until([&] { return (*world.launcher)->ends.size() == 1; }, "the end has come");
    const auto second = world.start(world.manager().remove(created.session.id, Duration(0)));
    world.until([&] { return (*world.launcher)->ends.size() == 2; }, "the launcher is told");
    CHECK((*world.launcher)->ends[1].grace_milliseconds == 0);
    (*world.launcher)->holds_ends = false;
    (*world.launcher)->changed.notify();
    CHECK(world.finish(first).end->reason == EndReason::deleted);
    CHECK(world.finish(second).end->reason == EndReason::deleted);
}

TEST_CASE("the caller's grace is the one that the launcher gets") {
    World world;
    const Created created = world.ready();
    world.run(world.manager().remove(created.session.id, Duration(250)));
    CHECK((*world.launcher)->ends[0].grace_milliseconds == 250);
}

TEST_CASE("an ended session is gone for requests, and still shown; what never was is not found") {
    World world;
    const Created created = world.ready();
    const std::string id = created.session.id;
    world.run(world.manager().remove(id, {}));
    CHECK(world.manager().get(id).end->reason == EndReason::deleted);
    CHECK(world.manager().list().size() == 1);
    CHECK(world.run(world.manager().wait(id, {State::ready}, Duration(0))).state == State::ended);
    const Error error = error_of([&] { world.run(world.run_command(id, "version")); });
    CHECK(error.code() == Errc::gone);
    CHECK_THAT(error.what(), Catch::Contains("deleted"));
    CHECK(error_of([&] { world.run(world.manager().inspect(id)); }).code() == Errc::gone);
    CHECK(world.manager().token_matches(id, created.token));

    CHECK(error_of([&] { world.manager().get("aaaaaaaaaaaaaaaa"); }).code() == Errc::not_found);
    CHECK(error_of([&] { world.run(world.manager().remove("nonsense", {})); }).code() == Errc::not_found);
    CHECK(error_of([&] { world.run(world.run_command("nonsense", "x")); }).code() == Errc::not_found);
}

TEST_CASE("what the launcher cannot remove is stuck, keeps its slot, and is tried again until it is gone") {
    World world([](policy::Site& site, Tuning&) { site.slots = 1; });
    const Created created = world.ready();
    (*world.launcher)->refuse_end = [](const protocol::End&) {
        return protocol::Failure{Errc::timed_out, "a process cannot be killed", "", ""};
    };
    const SessionView view = world.run(world.manager().remove(created.session.id, {}));
    CHECK(view.state == State::stuck);
    CHECK(view.health.status == "unhealthy");
    const Created next = world.create();
    world.until([&] { return (*world.launcher)->ends.size() >= 3; }, "it is tried again");
    CHECK(world.state(next.session.id) == State::queued);
    (*world.launcher)->refuse_end = {};
    CHECK(world.ended(created.session.id).end->reason == EndReason::deleted);
    CHECK(world.wait(next.session.id, State::ready).state == State::ready);
}

TEST_CASE("an end whose answer is lost is asked again of the next launcher, which may know nothing of it") {
    World world;
    const Created created = world.ready();
    (*world.launcher)->holds_ends = true;
    const auto removed = world.start(world.manager().remove(created.session.id, {}));
    world.until([&] { return !(*world.launcher)->ends.empty(); }, "the end has come");
    world.launcher->disconnect();
    (*world.launcher)->sandboxes.clear();
    (*world.launcher)->holds_ends = false;
    (*world.launcher)->changed.notify();
    CHECK(world.finish(removed).end->reason == EndReason::deleted);
    CHECK((*world.launcher)->ends.size() == 2);
}

TEST_CASE("shutdown ends twenty sessions side by side, refuses new ones at once, and leaves nothing") {
    World world;
    for (int i = 0; i < 20; ++i)
        world.ready();
    (*world.launcher)->holds_ends = true;
    bool down = false;
    boost::asio::co_spawn(world.io, world.manager().shutdown(),
                          [&](const std::exception_ptr&) { down = true; });
    world.until([&] { return (*world.launcher)->ends.size() == 20; }, "all twenty ends are asked for");
    CHECK_FALSE(down);
    CHECK(error_of([&] { world.create(); }).code() == Errc::unavailable);
    (*world.launcher)->holds_ends = false;
    (*world.launcher)->changed.notify();
    world.until([&] { return down; }, "it is down");
    CHECK((*world.launcher)->sandboxes.empty());
    CHECK((*world.launcher)->last_words.empty());
    const auto views = world.manager().list();
    REQUIRE(views.size() == 20);
    for (const SessionView& view : views)
        CHECK(view.end->reason == EndReason::shutdown);
}

TEST_CASE("shutdown returns at its deadline when something is stuck") {
    World world([](policy::Site&, Tuning& tuning) { tuning.end_margin = Duration(50); });
    const Created created = world.ready();
    (*world.launcher)->refuse_end = [](const protocol::End&) {
        return protocol::Failure{Errc::timed_out, "a process cannot be killed", "", ""};
    };
    world.run(world.manager().shutdown());
    CHECK(world.state(created.session.id) == State::stuck);
}

TEST_CASE("shutdown cancels what waits in the queue and what starts") {
    World world;
    (*world.launcher)->holds_launches = true;
    for (int i = 0; i < 10; ++i)
        world.create();
    world.until([&] { return (*world.launcher)->launches.size() == 8; }, "eight come to the launcher");
    bool down = false;
    boost::asio::co_spawn(world.io, world.manager().shutdown(),
                          [&](const std::exception_ptr&) { down = true; });
    world.settle();
    (*world.launcher)->holds_launches = false;
    (*world.launcher)->changed.notify();
    world.until([&] { return down; }, "it is down");
    CHECK((*world.launcher)->launches.size() == 8);
    CHECK((*world.launcher)->sandboxes.empty());
}
