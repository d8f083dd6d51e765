#include "sandbox/manager/command_list.hpp"
#include "world.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using sandbox::test::World;
using namespace std::chrono_literals;

namespace {

using Strings = std::vector<std::string>;

struct Ready {
    explicit Ready(const std::string& policy = "quick")
        : id(world.ready("acme", policy).session.id),
          engine(world.launcher->sandbox(id).engine) {}

    auto start(
        Strings commands, Duration timeout = 10s, std::function<bool()> goes_on = [] { return true; }) {
        return world.start(
            world.manager().run(world.found(id), {std::move(commands), timeout, std::move(goes_on)}));
    }
    CommandsRun run(Strings commands) { return world.finish(start(std::move(commands))); }
    void until_ran(std::size_t count) {
        world.until([&] { return engine->ran.size() == count; }, "the engine gets a command");
    }
    Strings ran() const {
        Strings commands;
        for (const std::string& target : (*engine).ran)
            commands.push_back(target.substr(std::string("/run?command=").size()));
        return commands;
    }

    World world;
    std::string id;
    test::FakeEngine& engine;
};

double answered(World& world, const std::string& result) {
    for (const auto& family : world.manager().metrics())
        if (family.name == "sandboxd_commands")
            for (const metric::Point& point : family.points)
                if (point.labels.front().second == result)
                    return std::get<double>(point.value);
    return -1;
}

} // namespace

TEST_CASE("each command of a list is a request of its own, with a result of its own") {
    Ready ready;
    const CommandsRun run = ready.run({"a", "b c", "d"});
    CHECK_FALSE(run.lost);
    CHECK_FALSE(run.failed());
    REQUIRE(run.ran.size() == 3);
    CHECK(run.ran[2].result.note.size() == 1);
    CHECK(ready.ran() == Strings{"a", "b%20c", "d"});
    CHECK(ready.world.state(ready.id) == State::ready);
}

TEST_CASE("a list stops at the first command that is not ok") {
    Ready ready;
    ready.engine->fails_on = "bad";
    const CommandsRun run = ready.run({"a", "bad", "c"});
    REQUIRE(run.ran.size() == 2);
    CHECK(run.failed() == std::size_t{1});
    CHECK(run.ran[1].result.error->message == "No room");
    CHECK(ready.ran() == Strings{"a", "bad"});
    ready.engine->answers["logs"] =
        R"({"json values": [null], "log messages": {"error": ["no"]}, "error": null})";
    CHECK(ready.run({"logs", "c"}).failed() == std::size_t{0});
}

TEST_CASE("no other request comes between the commands of a list, and the session is busy all along") {
    Ready ready;
    ready.engine->holds = true;
    const auto list = ready.start({"1", "2"});
    ready.until_ran(1);
    const auto other = ready.world.start(ready.world.run_command(ready.id, "other"));
    ready.world.settle();
    ready.engine.let_one_out();
    ready.until_ran(2);
    CHECK(ready.world.state(ready.id) == State::busy);
    ready.engine.let_one_out();
    CHECK(ready.world.finish(list).ran.size() == 2);
    ready.until_ran(3);
    ready.engine.let_one_out();
    ready.world.finish(other);
    CHECK(ready.ran() == Strings{"1", "2", "other"});
    CHECK(ready.engine->most_inside == 1);
}

TEST_CASE("the time-out is for the whole list: what had come is told, and nothing more is sent") {
    Ready ready;
    ready.engine->holds = true;
    const auto list = ready.start({"1", "2", "3"}, 300ms);
    ready.until_ran(1);
    ready.engine.let_one_out();
    ready.until_ran(2);
    const CommandsRun run = ready.world.finish(list);
    REQUIRE(run.lost);
    CHECK(run.lost->code() == Errc::timed_out);
    CHECK(run.lost->state_may_have_changed());
    CHECK(run.ran.size() == 1);
    CHECK(run.failed() == std::size_t{1});
    CHECK(ready.world.state(ready.id) == State::busy);
    ready.engine.let_one_out();
    ready.world.until([&] { return ready.world.state(ready.id) == State::ready; }, "its command is answered");
    CHECK(ready.ran() == Strings{"1", "2"});
}

TEST_CASE("of a caller that goes away no further command is sent") {
    Ready ready;
    ready.engine->holds = true;
    bool is_there = true;
    const auto list = ready.start({"1", "2"}, 10s, [&] { return is_there; });
    ready.until_ran(1);
    is_there = false;
    ready.engine.let_one_out();
    const CommandsRun run = ready.world.finish(list);
    REQUIRE(run.lost);
    CHECK(run.lost->state_may_have_changed());
    CHECK(run.ran.size() == 1);
    ready.world.settle();
    CHECK(ready.ran() == Strings{"1"});
    CHECK(ready.world.state(ready.id) == State::ready);
}

TEST_CASE("what came before an answer that is lost is not lost") {
    Ready ready;
    SECTION("it is not understood") {
        ready.engine->answers["2"] = "<html>";
        const CommandsRun run = ready.run({"1", "2", "3"});
        REQUIRE(run.lost);
        CHECK(run.lost->code() == Errc::engine);
        CHECK(run.lost->state_may_have_changed());
        CHECK(std::string(run.lost->what()).starts_with("command 2 of 3: "));
        CHECK(run.ran.size() == 1);
        CHECK(ready.ran() == Strings{"1", "2"});
    }
    SECTION("the engine dies over it") {
        ready.engine->holds = true;
        const auto list = ready.start({"1", "2", "3"});
        ready.until_ran(1);
        ready.engine.let_one_out();
        ready.until_ran(2);
        ready.engine.die();
        const CommandsRun run = ready.world.finish(list);
        REQUIRE(run.lost);
        CHECK(run.lost->state_may_have_changed());
        CHECK(run.failed() == std::size_t{1});
    }
}

TEST_CASE("the first command of a list that is not understood says that the state may have changed") {
    Ready ready;
    ready.engine->answers["1"] = "";
    const CommandsRun run = ready.run({"1"});
    REQUIRE(run.lost);
    CHECK(run.lost->state_may_have_changed());
    CHECK(run.failed() == std::size_t{0});
}

TEST_CASE("each command that ChimeraX got counts, and those that it did not get do not") {
    Ready ready;
    ready.engine->fails_on = "bad";
    ready.run({"a", "b", "bad", "c"});
    CHECK(answered(ready.world, "answered") == 3);
    ready.engine->answers["odd"] = "odd";
    ready.run({"a", "odd", "c"});
    CHECK(answered(ready.world, "answered") == 4);
    CHECK(answered(ready.world, "failed") == 1);
}
