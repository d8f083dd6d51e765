#include "world.hpp"

#include <fstream>

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using sandbox::test::error_of;
using sandbox::test::FakeSandbox;
using sandbox::test::World;
using namespace std::chrono_literals;

namespace {

std::string store_of(const World& world) {
    return (world.dir.path / "state/manager/sessions.db").string();
}

} // namespace

TEST_CASE("a damaged store is set aside, and what lives is known from the launcher") {
    World world;
    const Created running = world.ready("acme", "open");
    const std::string ended = world.ready().session.id;
    world.run(world.manager().remove(ended, {}));
    world.stop_manager();
    std::ofstream(store_of(world)) << std::string(20'000, 'x');
    world.restart_manager();
    world.until([&] { return !world.manager().list().empty(); }, "the launcher tells what it has");
    const SessionView view = world.wait(running.session.id, State::ready);
    CHECK(view.state == State::ready);
    CHECK(view.tenant == "acme");
    CHECK(view.policy == "open");
    CHECK(view.published_port == running.session.published_port);
    CHECK(world.manager().token_matches(running.session.id, running.token));
    CHECK(world.run(world.run_command(running.session.id, "version")).status == 200);
    CHECK(error_of([&] { world.manager().get(ended); }).code() == Errc::not_found);
    int set_aside = 0;
    for (const auto& entry : std::filesystem::directory_iterator(world.dir.path / "state/manager"))
        set_aside += entry.path().filename().string().starts_with("sessions.db.damaged-") ? 1 : 0;
    CHECK(set_aside == 1);
    // In the new store it is one as all others.
    world.restart_manager();
    CHECK(world.wait(running.session.id, State::ready).state == State::ready);
}

TEST_CASE("a sandbox whose policy is not there any more cannot be taken over, and is ended") {
    World world([](policy::Site&, Tuning& tuning) { tuning.sweep_interval = Duration(5); });
    protocol::Launch late;
    late.session = "lateaaaaaaaaaaaa";
    late.tenant = "acme";
    late.slot = 33;
    const auto add = [&] {
        (*world.launcher)
            ->sandboxes.emplace(late.session,
                                std::make_unique<FakeSandbox>(world.io, world.dir.path / late.session, late));
    };
    SECTION("of a policy that there is: taken over") {
        late.policy = "quick";
        add();
        world.until([&] { return !world.manager().list().empty(); }, "it is seen");
        CHECK(world.wait(late.session, State::ready).state == State::ready);
    }
    SECTION("of none") {
        late.policy = "nosuch";
        add();
        world.until([&] { return !(*world.launcher)->sandboxes.contains(late.session); }, "it is ended");
    }
}
