#include "world.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using sandbox::test::error_of;
using sandbox::test::FakeSandbox;
using sandbox::test::World;
using namespace std::chrono_literals;

namespace {

protocol::ExitRecord crash(std::uint32_t run) {
    return {.run = run, .exit_status = {}, .signal = 11, .runtime_milliseconds = 1};
}

protocol::ExitRecord exited(std::uint32_t run, int status) {
    return {.run = run, .exit_status = status, .signal = {}, .runtime_milliseconds = 1};
}

struct Sturdy {
    explicit Sturdy(const std::string& policy = "sturdy",
                    const std::function<void(policy::Site&, manager::Tuning&)>& change = {})
        : world(change),
          created(world.ready("acme", policy)),
          id(created.session.id) {}

    FakeSandbox& sandbox() { return world.launcher->sandbox(id); }
    /// It dies and serves again.
    void crash_and_come_back(std::uint32_t run) {
        sandbox().engine_ends(crash(run));
        world.until([&] { return world.manager().get(id).restarts == run; }, "it is started again");
        world.until([&] { return world.state(id) == State::ready; }, "it serves again");
    }

    World world;
    Created created;
    const std::string id;
};

} // namespace

TEST_CASE("a ChimeraX that crashes is started again in its sandbox: same id, address and token") {
    Sturdy sturdy;
    const SessionView before = sturdy.world.manager().get(sturdy.id);
    sturdy.crash_and_come_back(1);
    const SessionView after = sturdy.world.manager().get(sturdy.id);
    CHECK(after.address == before.address);
    CHECK(after.slot == before.slot);
    CHECK(after.ready_at == before.ready_at);
    CHECK(after.restarts == 1);
    CHECK_THAT(after.restart_reason, Catch::Contains("SIGSEGV"));
    CHECK(sturdy.world.manager().token_matches(sturdy.id, sturdy.created.token));
    CHECK(sturdy.world.run(sturdy.world.run_command(sturdy.id, "version")).status == 200);
    CHECK((*sturdy.world.launcher)->restarts.size() == 1);
    CHECK((*sturdy.world.launcher)->ends.empty());
}

TEST_CASE(
    "the command that was lost in a crash is never sent again; those that waited for their turn are sent") {
    Sturdy sturdy;
    sturdy.sandbox().engine->holds = true;
    const auto lost = sturdy.world.start(sturdy.world.run_command(sturdy.id, "lost"));
    sturdy.world.until([&] { return sturdy.sandbox().engine->ran.size() == 1; }, "it has come");
    const auto waits = sturdy.world.start(sturdy.world.run_command(sturdy.id, "waits"));
    sturdy.world.settle();
    sturdy.sandbox().engine_ends(crash(1));
    const Error error = error_of([&] { sturdy.world.finish(lost); });
    CHECK(error.code() == Errc::engine);
    CHECK(error.state_may_have_changed());
    CHECK(sturdy.world.finish(waits).status == 200);
    CHECK(sturdy.sandbox().engine->ran ==
          std::vector<std::string>{"/run?command=lost", "/run?command=waits"});
}

TEST_CASE("a command that runs over command_timeout is a hang, and ChimeraX is started again") {
    Sturdy sturdy("impatient_sturdy");
    sturdy.sandbox().engine->holds = true;
    const auto hangs = sturdy.world.start(sturdy.world.run_command(sturdy.id, "hangs"));
    const Error error = error_of([&] { sturdy.world.finish(hangs); });
    CHECK(error.code() == Errc::timed_out);
    CHECK(error.state_may_have_changed());
    sturdy.world.until([&] { return sturdy.world.state(sturdy.id) == State::ready; }, "it serves again");
    CHECK_THAT(sturdy.world.manager().get(sturdy.id).restart_reason, Catch::Contains("command_timeout"));
    CHECK(sturdy.world.run(sturdy.world.run_command(sturdy.id, "next")).status == 200);
}

TEST_CASE("a ChimeraX that no longer answers is started again") {
    Sturdy sturdy("sturdy", [](policy::Site&, Tuning& tuning) {
        tuning.health_interval = 5ms;
        tuning.probe_timeout = 100ms;
    });
    sturdy.sandbox().engine->serves = false;
    sturdy.world.until([&] { return sturdy.world.manager().get(sturdy.id).restarts == 1; },
                       "it is started again");
    sturdy.world.until([&] { return sturdy.world.state(sturdy.id) == State::ready; }, "it serves again");
    CHECK_THAT(sturdy.world.manager().get(sturdy.id).restart_reason, Catch::Contains("stopped answering"));
}

TEST_CASE("a command to a ChimeraX that lives and listens no more is refused soon, and that is a hang") {
    const auto [policy, restarts] = GENERATE(table<std::string, bool>({{"quick", false}, {"sturdy", true}}));
    INFO(policy);
    Sturdy sturdy(policy, [](policy::Site&, Tuning& tuning) { tuning.health_interval = 200ms; });
    sturdy.sandbox().engine.die();
    const auto reply = sturdy.world.start(sturdy.world.run_command(sturdy.id, "1"));
    const auto asked = std::chrono::steady_clock::now();
    const Error error = error_of([&] { sturdy.world.finish(reply); });
    CHECK(error.code() == Errc::unavailable);
    CHECK_FALSE(error.state_may_have_changed());
    CHECK(std::chrono::steady_clock::now() - asked < 5s);
    if (restarts) {
        sturdy.world.until([&] { return sturdy.world.manager().get(sturdy.id).restarts == 1; },
                           "it is started again");
        CHECK_THAT(sturdy.world.manager().get(sturdy.id).restart_reason,
                   Catch::Contains("stopped answering"));
    } else {
        CHECK(sturdy.world.ended(sturdy.id).end->reason == EndReason::hung);
    }
}

TEST_CASE("one crash more than the policy takes is a crash loop, which ends with what was printed last") {
    Sturdy sturdy;
    sturdy.crash_and_come_back(1);
    sturdy.crash_and_come_back(2); // after a pause
    sturdy.sandbox().write("log/stderr.0", "the third time\n");
    sturdy.sandbox().engine_ends(crash(3));
    const SessionView view = sturdy.world.ended(sturdy.id);
    CHECK(view.end->reason == EndReason::crash_loop);
    CHECK_THAT(view.end->log_tail, Catch::Contains("the third time"));
    CHECK_THAT(view.end->message, Catch::Contains("SIGSEGV"));
    CHECK(view.end->signal == 11);
    CHECK((*sturdy.world.launcher)->restarts.size() == 2);
    CHECK((*sturdy.world.launcher)->sandboxes.empty());
}

TEST_CASE("an exit that somebody wanted, and a kill at the memory limit, start nothing again") {
    Sturdy sturdy;
    EndReason reason = EndReason::exited;
    SECTION("exit with status 0") {
        sturdy.sandbox().engine_ends(exited(1, 0));
    }
    SECTION("an OOM kill") {
        sturdy.sandbox().ended.oom_kills = 1;
        sturdy.sandbox().engine_ends({.run = 1, .exit_status = {}, .signal = 9, .runtime_milliseconds = 1});
        reason = EndReason::oom;
    }
    SECTION("the end of all of its sandbox") {
        sturdy.sandbox().ended.record.reset();
        sturdy.sandbox().init_dies();
        (*sturdy.world.launcher)->sandboxes.erase(sturdy.id);
        reason = EndReason::orphaned;
    }
    CHECK(sturdy.world.ended(sturdy.id).end->reason == reason);
    CHECK((*sturdy.world.launcher)->restarts.empty());
}

TEST_CASE("an exit with another status is a crash") {
    Sturdy sturdy;
    sturdy.sandbox().engine_ends(exited(1, 1));
    sturdy.world.until([&] { return sturdy.world.manager().get(sturdy.id).restarts == 1; },
                       "it is started again");
    CHECK_THAT(sturdy.world.manager().get(sturdy.id).restart_reason, Catch::Contains("status 1"));
}

TEST_CASE("a record that comes a moment late is waited for") {
    Sturdy sturdy;
    sturdy.sandbox().engine_ends(exited(0, 0)); // as of a start before this one: this one's is not there yet
    sturdy.world.until([&] { return sturdy.world.state(sturdy.id) == State::recovering; }, "it is seen");
    sturdy.world.settle();
    CHECK(sturdy.world.state(sturdy.id) == State::recovering);
    sturdy.sandbox().ended.record = exited(1, 0);
    CHECK(sturdy.world.ended(sturdy.id).end->reason == EndReason::exited);
}

TEST_CASE("a session that recovers can be deleted, and its clocks end it") {
    Sturdy sturdy;
    sturdy.crash_and_come_back(1);
    sturdy.sandbox().engine_ends(crash(2)); // now it pauses for a second
    sturdy.world.until([&] { return sturdy.world.state(sturdy.id) == State::recovering; }, "it is seen");
    const auto since = BootClock::now();
    const SessionView view = sturdy.world.run(sturdy.world.manager().remove(sturdy.id, {}));
    CHECK(view.end->reason == EndReason::deleted);
    CHECK(BootClock::now() - since < 900ms);
}

TEST_CASE("a manager that is killed while it starts ChimeraX again: the next one goes on with it") {
    Sturdy sturdy;
    sturdy.crash_and_come_back(1);
    bool back = false;
    SECTION("and it has died meanwhile") {
        sturdy.sandbox().engine_ends(crash(2));
        sturdy.world.until([&] { return sturdy.world.state(sturdy.id) == State::recovering; }, "it is seen");
    }
    SECTION("or it was started already") {
        back = true;
        sturdy.sandbox().engine_ends(crash(2));
        sturdy.world.until([&] { return sturdy.world.state(sturdy.id) == State::recovering; }, "it is seen");
        sturdy.sandbox().engine_starts();
    }
    SECTION("it died while no manager was there") {
        sturdy.world.stop_manager();
        sturdy.sandbox().engine_ends(crash(2));
    }
    sturdy.world.restart_manager();
    CHECK(sturdy.world.wait(sturdy.id, State::ready).state == State::ready);
    CHECK(sturdy.world.manager().get(sturdy.id).restarts == (back ? 1 : 2));
    CHECK(sturdy.world.manager().token_matches(sturdy.id, sturdy.created.token));
}

TEST_CASE("a launcher that is away for a moment delays a restart, and no more") {
    Sturdy sturdy;
    sturdy.world.launcher->stop_listening();
    sturdy.world.launcher->disconnect();
    sturdy.sandbox().engine_ends(crash(1));
    sturdy.world.until([&] { return sturdy.world.state(sturdy.id) == State::recovering; }, "it is seen");
    sturdy.world.launcher->listen();
    sturdy.world.until([&] { return sturdy.world.state(sturdy.id) == State::ready; }, "it serves again");
    CHECK((*sturdy.world.launcher)->restarts.size() == 1);
}
