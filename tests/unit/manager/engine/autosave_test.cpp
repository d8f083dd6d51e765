#include "world.hpp"

#include <algorithm>
#include <utility>

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using sandbox::test::FakeSandbox;
using sandbox::test::World;
using namespace std::chrono_literals;

namespace {

const std::string kFirst = "/run?command=save%20%2Fwork%2F.autosave-0.cxs";
const std::string kSecond = "/run?command=save%20%2Fwork%2F.autosave-1.cxs";
const std::string kOpenFirst = "/run?command=open%20%2Fwork%2F.autosave-0.cxs";

protocol::ExitRecord crash(std::uint32_t run) {
    return {.run = run, .exit_status = {}, .signal = 11, .runtime_milliseconds = 1};
}

/// A session under a policy with autosaves.
struct Saving {
    FakeSandbox& sandbox() { return world.launcher->sandbox(id); }
    std::vector<std::string>& ran() { return sandbox().engine->ran; }
    SessionView view() { return world.manager().get(id); }
    void run(const std::string& command) { world.run(world.run_command(id, command)); }
    auto count(const std::string& target) { return std::ranges::count(ran(), target); }
    void until_ran(const std::string& target) {
        world.until([&] { return count(target) > 0; }, "it runs " + target);
    }
    void until_ready() {
        world.until([&] { return world.state(id) == State::ready; }, "it is ready");
    }
    void save() {
        run("change");
        until_ran(kFirst);
        until_ready();
    }
    void crashes(std::uint32_t run) {
        sandbox().engine_ends(crash(run));
        world.until([&] { return view().restarts == run; }, "it is started again");
    }
    /// The next ChimeraX that is started again answers no command until `let_go`.
    void hold_next() {
        (*world.launcher)->on_restarted = [next = true](FakeSandbox& started) mutable {
            started.engine->holds = std::exchange(next, false);
        };
    }
    void let_go() {
        sandbox().engine->holds = false;
        sandbox().engine->changed.notify();
    }
    /// Longer than between two autosaves.
    void wait_a_while() {
        const auto since = BootClock::now();
        world.until([&] { return BootClock::now() - since > 1200ms; }, "time goes by");
    }

    World world;
    const std::string id = world.ready("acme", "saving").session.id;
};

} // namespace

TEST_CASE("what a command has changed is saved once, into two files in turns, and is no activity") {
    Saving saving;
    saving.wait_a_while();
    CHECK(saving.ran().empty()); // nothing was changed
    saving.run("change");
    const SessionView before = saving.view();
    saving.until_ran(kFirst);
    saving.until_ready();
    CHECK(saving.view().autosave->file == "/work/.autosave-0.cxs");
    CHECK(saving.view().autosave->last_at.has_value());
    CHECK(saving.view().autosave->failure.empty());
    CHECK(saving.view().last_activity_at == before.last_activity_at);
    saving.wait_a_while();
    CHECK(saving.ran().size() == 2); // the command and the one save
    saving.run("more");
    saving.until_ran(kSecond);
    saving.until_ready();
    CHECK(saving.view().autosave->file == "/work/.autosave-1.cxs");
}

TEST_CASE("a look at ChimeraX's page is no change") {
    Saving saving;
    chimerax::RestRequest request;
    request.target = "/cmdline.html";
    CHECK(saving.world.run(saving.world.manager().rest(saving.world.found(saving.id), request, 5s)).status ==
          200);
    saving.wait_a_while();
    CHECK_FALSE(saving.view().autosave.has_value());
}

TEST_CASE("a save that fails leaves the last one, is told, and is tried again into the same file") {
    Saving saving;
    saving.save();
    const auto last_at = saving.view().autosave->last_at;
    saving.sandbox().engine->fails_on = "save";
    saving.run("more");
    saving.world.until([&] { return saving.count(kSecond) == 2; }, "it is tried again");
    saving.until_ready();
    CHECK(saving.view().autosave->failure == "saving: No room");
    CHECK(saving.view().autosave->file == "/work/.autosave-0.cxs");
    CHECK(saving.view().autosave->last_at == last_at);
    saving.sandbox().engine->fails_on.clear();
    saving.world.until([&] { return saving.view().autosave->failure.empty(); }, "it succeeds");
    CHECK(saving.view().autosave->file == "/work/.autosave-1.cxs");
}

TEST_CASE("a busy ChimeraX is saved when it has answered, and a request waits for the save alone") {
    Saving saving;
    saving.sandbox().engine->holds = true;
    const auto first = saving.world.start(saving.world.run_command(saving.id, "long"));
    saving.until_ran("/run?command=long");
    saving.wait_a_while();
    CHECK(saving.ran().size() == 1);
    saving.sandbox().engine.let_one_out();
    CHECK(saving.world.finish(first).status == 200);
    saving.until_ran(kFirst);
    CHECK(saving.world.state(saving.id) == State::busy);
    const auto next = saving.world.start(saving.world.run_command(saving.id, "next"));
    saving.world.settle();
    CHECK(saving.ran().size() == 2);
    saving.let_go();
    CHECK(saving.world.finish(next).status == 200);
    CHECK(saving.ran().back() == "/run?command=next");
}

TEST_CASE(
    "after a crash the last autosave is opened before the session is ready, and no command is repeated") {
    Saving saving;
    saving.save();
    saving.hold_next();
    saving.crashes(1);
    saving.until_ran(kOpenFirst);
    CHECK(saving.world.state(saving.id) == State::recovering);
    const auto request = saving.world.start(saving.world.run_command(saving.id, "next"));
    saving.world.settle();
    CHECK(saving.ran().back() == kOpenFirst);
    saving.let_go();
    CHECK(saving.world.finish(request).status == 200);
    CHECK(saving.ran() ==
          std::vector<std::string>{"/run?command=change", kFirst, kOpenFirst, "/run?command=next"});
    CHECK(saving.view().autosave->restored_at.has_value());
    CHECK(saving.view().autosave->failure.empty());
    saving.until_ran(kSecond); // the one that was opened is kept
}

TEST_CASE("without an autosave a restart opens nothing") {
    Saving saving;
    saving.crashes(1);
    saving.until_ready();
    CHECK(saving.ran().empty());
    CHECK_FALSE(saving.view().autosave.has_value());
}

TEST_CASE("an autosave that cannot be opened is told of, kept, and ends nothing") {
    Saving saving;
    saving.save();
    saving.sandbox().engine->fails_on = "open";
    saving.crashes(1);
    saving.until_ready();
    CHECK(saving.view().autosave->failure == "opening: No room");
    CHECK_FALSE(saving.view().autosave->restored_at.has_value());
    saving.wait_a_while();
    CHECK(saving.count(kFirst) == 1); // an empty ChimeraX does not replace it
    CHECK(saving.count(kSecond) == 0);
}

TEST_CASE("an autosave over which ChimeraX ends is not opened a second time") {
    Saving saving;
    saving.save();
    saving.hold_next();
    saving.crashes(1);
    saving.until_ran(kOpenFirst);
    saving.crashes(2);
    saving.until_ready();
    CHECK(saving.count(kOpenFirst) == 1);
    CHECK_THAT(saving.view().autosave->failure, Catch::Contains("not opened again"));
    CHECK_FALSE(saving.view().autosave->restored_at.has_value());
    saving.run("change");
    saving.until_ran(kSecond);
    saving.until_ready();
    CHECK(saving.view().autosave->file == "/work/.autosave-1.cxs");
    CHECK(saving.view().autosave->failure.empty());
}

TEST_CASE("a save over which ChimeraX ends is a crash, and the one before is opened") {
    Saving saving;
    saving.save();
    saving.run("more");
    saving.sandbox().engine->holds = true;
    saving.until_ran(kSecond);
    saving.crashes(1);
    saving.until_ran(kOpenFirst);
    saving.until_ready();
    CHECK(saving.view().autosave->restored_at.has_value());
}

TEST_CASE("a session that is deleted while its autosave is opened does not wait for that") {
    Saving saving;
    saving.save();
    saving.hold_next();
    saving.crashes(1);
    saving.until_ran(kOpenFirst);
    CHECK(saving.world.run(saving.world.manager().remove(saving.id, {})).end->reason == EndReason::deleted);
}

TEST_CASE("the next manager knows the last autosave, and goes on with the opening that it finds") {
    Saving saving;
    saving.save();
    SECTION("of a session that is ready") {
        saving.world.restart_manager();
        CHECK(saving.world.wait(saving.id, State::ready).autosave->file == "/work/.autosave-0.cxs");
        saving.until_ran(kSecond); // of what came since nothing is known
    }
    SECTION("of one that is being opened") {
        saving.hold_next();
        saving.crashes(1);
        saving.until_ran(kOpenFirst);
        saving.world.restart_manager();
        saving.let_go();
        CHECK(saving.world.wait(saving.id, State::ready).autosave->restored_at.has_value());
        CHECK(saving.count(kOpenFirst) == 2);
        CHECK(saving.view().restarts == 1);
    }
}
