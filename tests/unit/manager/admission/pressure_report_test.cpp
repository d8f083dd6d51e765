#include "world.hpp"

#include <fstream>

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using sandbox::test::error_of;
using sandbox::test::World;

namespace {

void write_psi(const std::filesystem::path& proc, const std::string& full) {
    std::filesystem::create_directories(proc / "pressure");
    std::ofstream(proc / "pressure/memory")
        << "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=" << full
        << " avg60=0.00 avg300=0.00 total=0\n";
}

/// A host whose memory pressure the test sets, with one place at a time to start.
void on_fake_host(policy::Site& site, Tuning& tuning) {
    tuning.proc = site.run_dir + "/proc";
    write_psi(tuning.proc, "0.00");
    site.admission.memory_pressure_max = 10;
}

} // namespace

TEST_CASE("a host under pressure refuses with the gate's name, and what waits starts when it has recovered") {
    World world([](policy::Site& site, Tuning& tuning) {
        on_fake_host(site, tuning);
        site.admission.max_sessions = 1;
    });
    const auto proc = world.dir.path / "proc";
    const Created first = world.ready();
    const Created waits = world.create();
    write_psi(proc, "10.50");
    const Error error = error_of([&] { world.create(); });
    CHECK(error.code() == Errc::pressure);
    REQUIRE(error.retry().has_value());
    CHECK(error.retry()->reason == "memory_pressure");
    CHECK(world.manager().pressure().refuses->reason == "memory_pressure");
    world.run(world.manager().remove(first.session.id, {}));
    world.settle();
    CHECK(world.state(waits.session.id) == State::queued); // it has the place, but not its turn
    CHECK(world.manager().pressure().sessions == 1);
    CHECK((*world.launcher)->launches.size() == 1);
    write_psi(proc, "10.00");
    CHECK(world.wait(waits.session.id, State::ready).state == State::ready);
    CHECK_FALSE(world.manager().pressure().refuses.has_value());
}

TEST_CASE("a session whose turn to start does not come in time ends at its deadline and says so") {
    World world([](policy::Site& site, Tuning&) { site.admission.starts_at_once = 1; });
    (*world.launcher)->holds_launches = true;
    const Created first = world.create();
    CreateRequest request;
    request.tenant = "acme";
    request.queue_timeout = Duration(50);
    const Created late = world.run(world.manager().create(request));
    const SessionView view = world.ended(late.session.id);
    CHECK(view.end->reason == EndReason::queue_timeout);
    CHECK_THAT(view.end->message, Catch::Contains("its turn to be started did not come"));
    (*world.launcher)->holds_launches = false;
    (*world.launcher)->changed.notify();
    CHECK(world.wait(first.session.id, State::ready).state == State::ready);
}

TEST_CASE("the view tells limits and what is taken of them") {
    World world([](policy::Site& site, Tuning&) {
        site.admission.max_sessions = 3;
        site.admission.memory_budget = 4_GiB;
        site.admission.queue_length = 7;
    });
    world.ready();
    world.until([&] { return world.manager().pressure().sessions == 1; }, "the engine's probe has ended");
    const PressureView view = world.manager().pressure();
    CHECK_FALSE(view.refuses.has_value());
    CHECK(view.sessions == 1);
    CHECK(view.sessions_max == 3);
    CHECK(view.memory_promised == 1_GiB);
    CHECK(view.memory_max == 4_GiB);
    CHECK(view.starting == 0);
    CHECK(view.starts_at_once == 8);
    CHECK(view.queue_max == 7);
    CHECK(view.gates.size() == 5);
}

TEST_CASE("without its launcher the host admits nobody") {
    World world({}, false);
    CHECK(world.manager().pressure().refuses->reason == "launcher_away");
}
