#include "world.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using sandbox::test::error_of;
using sandbox::test::FakeSandbox;
using sandbox::test::World;
using namespace std::chrono_literals;

namespace {

/// A session whose engine keeps every command until it is let out.
struct Held {
    Held() : id(world.ready().session.id), engine(world.launcher->sandbox(id).engine) {
        engine->holds = true;
    }

    auto ask(const std::string& command, Duration timeout = 10s) {
        auto result = world.start(world.run_command(id, command, timeout));
        world.settle();
        return result;
    }
    void until_ran(std::size_t count) {
        world.until([&] { return engine->ran.size() == count; }, "the engine gets a command");
    }

    World world;
    std::string id;
    test::FakeEngine& engine;
};

Errc code_of(const std::exception_ptr& failure) {
    return error_of([&] { std::rethrow_exception(failure); }).code();
}

} // namespace

TEST_CASE("requests go to the engine one at a time, in the order in which they came") {
    Held held;
    const auto first = held.ask("1"), second = held.ask("2"), third = held.ask("3");
    held.until_ran(1);
    CHECK(held.world.state(held.id) == State::busy);
    CHECK(held.world.manager().get(held.id).health.status == "busy");
    held.engine.let_one_out();
    CHECK(held.world.finish(first).status == 200);
    held.until_ran(2);
    held.engine.let_one_out();
    held.until_ran(3);
    held.engine.let_one_out();
    CHECK(held.world.finish(second).status == 200);
    CHECK(held.world.finish(third).status == 200);
    CHECK(held.engine->ran == std::vector<std::string>{"/run?command=1", "/run?command=2", "/run?command=3"});
    CHECK(held.engine->most_inside == 1);
    held.world.settle();
    CHECK(held.world.state(held.id) == State::ready);
}

TEST_CASE("sixteen requests may wait; the next one is refused with quota and never reaches the engine") {
    Held held;
    std::vector<std::shared_ptr<test::Result<chimerax::RestReply>>> results;
    for (int i = 0; i < 17; ++i)
        results.push_back(held.ask(std::to_string(i)));
    held.until_ran(1);
    const auto refused = held.ask("one too many");
    REQUIRE(refused->failure);
    CHECK(code_of(refused->failure) == Errc::quota);
    held.engine->holds = false;
    held.engine.let_one_out();
    for (const auto& result : results)
        CHECK(held.world.finish(result).status == 200);
    CHECK(held.engine->ran.size() == 17);
}

TEST_CASE("a request whose turn does not come in time is timed_out and was not sent") {
    Held held;
    const auto first = held.ask("1");
    held.until_ran(1);
    const auto second = held.ask("2", 20ms);
    held.world.until([&] { return second->done(); }, "its deadline comes");
    CHECK(code_of(second->failure) == Errc::timed_out);
    held.engine->holds = false;
    held.engine.let_one_out();
    held.world.finish(first);
    held.world.settle();
    CHECK(held.engine->ran.size() == 1);
}

TEST_CASE("a caller that does not wait for the answer leaves the session busy until ChimeraX has answered") {
    Held held;
    const auto impatient = held.ask("slow", 20ms);
    held.world.until([&] { return impatient->done(); }, "its deadline comes");
    CHECK(code_of(impatient->failure) == Errc::timed_out);
    CHECK(held.world.state(held.id) == State::busy);
    const auto next = held.ask("next");
    CHECK(held.engine->ran.size() == 1);
    held.engine.let_one_out();
    held.until_ran(2);
    held.engine.let_one_out();
    CHECK(held.world.finish(next).status == 200);
    CHECK(held.engine->most_inside == 1);
}

TEST_CASE("a request that outlasts the policy's command_timeout means that the engine is hung") {
    World world;
    const Created created = world.ready("acme", "impatient");
    FakeSandbox& sandbox = world.launcher->sandbox(created.session.id);
    sandbox.engine->holds = true;
    const auto reply = world.start(world.run_command(created.session.id, "hang"));
    CHECK(error_of([&] { world.finish(reply); }).code() == Errc::timed_out);
    CHECK(world.ended(created.session.id).end->reason == EndReason::hung);
}

TEST_CASE("who waits for a turn when the session ends is told that it is gone") {
    Held held;
    const auto first = held.ask("1");
    held.until_ran(1);
    const auto second = held.ask("2");
    held.world.run(held.world.manager().remove(held.id, {}));
    held.world.settle();
    REQUIRE(second->failure);
    CHECK(code_of(second->failure) == Errc::gone);
    CHECK(first->failure);
}

TEST_CASE("no other path than /run and /cmdline.html comes through, and no other method") {
    Held held;
    for (const char* target :
         {"/../etc/passwd", "/", "", "/run/../../etc/passwd", "/cmdline.html/x", "run"}) {
        chimerax::RestRequest request;
        request.target = target;
        INFO(target);
        CHECK_THROWS_AS(held.world.run(held.world.manager().rest(held.world.found(held.id), request, 1s)),
                        Error);
    }
    chimerax::RestRequest put;
    put.method = "PUT";
    put.target = "/run";
    CHECK_THROWS_AS(held.world.run(held.world.manager().rest(held.world.found(held.id), put, 1s)), Error);
    CHECK(held.engine->ran.empty());
    chimerax::RestRequest page;
    page.target = "/cmdline.html";
    CHECK(held.world.run(held.world.manager().rest(held.world.found(held.id), page, 1s)).status == 200);
}
