#include "manager/session/manager_metrics.hpp"
#include "world.hpp"

#include <algorithm>
#include <fstream>

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using namespace sandbox::test;
using namespace std::chrono_literals;

namespace {

const metric::Point* find(const std::vector<metric::Family>& families, const std::string& name,
                          const metric::Labels& labels) {
    const auto family = std::ranges::find(families, name, &metric::Family::name);
    if (family == families.end())
        return nullptr;
    const auto point = std::ranges::find(family->points, labels, &metric::Point::labels);
    return point == family->points.end() ? nullptr : &*point;
}

/// Nothing where there is no such series.
std::optional<double> value(World& world, const std::string& name, const metric::Labels& labels = {}) {
    const std::vector<metric::Family> families = world.manager().metrics();
    const metric::Point* point = find(families, name, labels);
    return point == nullptr ? std::nullopt : std::optional(std::get<double>(point->value));
}

std::uint64_t observations(World& world, const std::string& name, const metric::Labels& labels = {}) {
    const std::vector<metric::Family> families = world.manager().metrics();
    const metric::Point* point = find(families, name, labels);
    return point == nullptr ? 0 : std::get<metric::Histogram>(point->value).count();
}

void write_use(World& world, const std::string& id, unsigned cpu_seconds, unsigned oom_kills) {
    const FakeSandbox& sandbox = world.launcher->sandbox(id);
    sandbox.write("cpu.stat", "usage_usec " + std::to_string(cpu_seconds) + "000000\n");
    sandbox.write("memory.events", "oom_kill " + std::to_string(oom_kills) + "\n");
    sandbox.write("memory.current", "1048576\n");
}

/// The figures are there before the manager opens them.
void give_figures(World& world) {
    (*world.launcher)->on_launched = [](FakeSandbox& sandbox) {
        sandbox.write("cpu.stat", "usage_usec 1000000\n");
        sandbox.write("memory.events", "oom_kill 0\n");
        sandbox.write("memory.current", "4096\n");
    };
}

void make_quick(policy::Site&, Tuning& tuning) {
    tuning.sample_interval = 20ms;
}

} // namespace

TEST_CASE("starts and ends are counted by policy and outcome, with their phases") {
    World world;
    const Created one = world.ready(), two = world.ready("globex");
    CHECK(value(world, "sandboxd_session_starts",
                {{"policy", "quick"}, {"result", "ready"}, {"source", "cold"}}) == 2);
    CHECK(value(world, "sandboxd_sessions", {{"policy", "quick"}, {"state", "ready"}}) == 2);
    CHECK(value(world, "sandboxd_sessions", {{"policy", "mortal"}, {"state", "ready"}}) == 0);
    CHECK(observations(world, "sandboxd_queue_wait_seconds") == 2);
    world.run(world.manager().remove(one.session.id, {}));
    (*world.launcher)->refuse_launch = [](const protocol::Launch&) {
        return protocol::Failure{Errc::io, "no", "", ""};
    };
    world.ended(world.create().session.id);
    CHECK(value(world, "sandboxd_session_ends", {{"policy", "quick"}, {"reason", "deleted"}}) == 1);
    CHECK(value(world, "sandboxd_session_ends", {{"policy", "quick"}, {"reason", "launch_failed"}}) == 1);
    CHECK(value(world, "sandboxd_session_starts",
                {{"policy", "quick"}, {"result", "failed"}, {"source", "cold"}}) == 1);
    CHECK(value(world, "sandboxd_sessions", {{"policy", "quick"}, {"state", "ready"}}) == 1);
}

TEST_CASE("what a rate is taken of is there with 0 before it happens") {
    World world;
    world.until([&] { return value(world, "sandboxd_oom_kills", {{"policy", "mortal"}}) == 0; }, "it begins");
    CHECK(value(world, "sandboxd_session_ends", {{"policy", "sturdy"}, {"reason", "crash_loop"}}) == 0);
    CHECK(value(world, "sandboxd_session_starts",
                {{"policy", "sturdy"}, {"result", "failed"}, {"source", "cold"}}) == 0);
    CHECK(value(world, "sandboxd_admission_rejections", {{"reason", "queue_full"}}) == 0);
    CHECK(value(world, "sandboxd_audit_lost_lines") == 0);
}

TEST_CASE("a session that is deleted while it is made is a start that was cancelled") {
    World world;
    (*world.launcher)->holds_launches = true;
    const std::string id = world.create().session.id;
    world.until([&] { return world.manager().get(id).state == State::starting; }, "it is being made");
    const auto removed = world.start(world.manager().remove(id, 0ms));
    (*world.launcher)->holds_launches = false;
    (*world.launcher)->changed.notify();
    world.finish(removed);
    CHECK(value(world, "sandboxd_session_starts",
                {{"policy", "quick"}, {"result", "cancelled"}, {"source", "cold"}}) == 1);
}

TEST_CASE("refused creates are counted by what was short, and those of bad input are not") {
    World world;
    world.ready("tiny");
    CreateRequest request;
    request.tenant = "tiny";
    request.queue_timeout = 0ms;
    CHECK_THROWS_AS(world.run(world.manager().create(request)), Error);
    request.tenant = "globex";
    request.policy = "mortal";
    CHECK_THROWS_AS(world.run(world.manager().create(request)), Error);
    request.tenant = "nobody";
    CHECK_THROWS_AS(world.run(world.manager().create(request)), Error);
    CHECK(value(world, "sandboxd_admission_rejections", {{"reason", "tenant_sessions"}}) == 1);
    CHECK(value(world, "sandboxd_admission_rejections", {{"reason", "denied"}}) == 1);
    CHECK_FALSE(value(world, "sandboxd_admission_rejections", {{"reason", "not_found"}}).has_value());
}

TEST_CASE("commands are counted by what came of them; looks at the page and what probes send are none") {
    World world([](policy::Site&, Tuning& tuning) { tuning.rest_queue = 0; });
    (*world.launcher)->takes_probes = true;
    const std::string id = world.ready().session.id;
    world.until([&] { return world.manager().get(id).engine.renders.has_value(); }, "the probe is done");
    world.run(world.run_command(id, "version", 10s));
    chimerax::RestRequest page;
    page.target = "/cmdline.html";
    world.run(world.manager().rest(world.found(id), page, 10s));
    (*world.launcher)->holds_launches = true;
    const std::string starting = world.create().session.id; // and nobody may wait for it
    CHECK_THROWS_AS(world.run(world.run_command(starting, "version", 10s)), Error);
    CHECK(value(world, "sandboxd_commands", {{"result", "answered"}}) == 1);
    CHECK(value(world, "sandboxd_commands", {{"result", "refused"}}) == 1);
    CHECK(value(world, "sandboxd_commands", {{"result", "failed"}}) == 0);
    CHECK(observations(world, "sandboxd_command_duration_seconds") == 1);
}

TEST_CASE("what sessions use is counted once, over their end and over a new manager") {
    World world(make_quick);
    give_figures(world);
    const std::string id = world.ready().session.id;
    const metric::Labels quick{{"policy", "quick"}};
    write_use(world, id, 3, 0);
    world.until([&] { return value(world, "sandboxd_sessions_cpu_seconds", quick) == 3; }, "it is sampled");
    CHECK(value(world, "sandboxd_sessions_memory_bytes", {{"policy", "quick"}, {"kind", "current"}}) ==
          1048576);
    CHECK_FALSE(
        value(world, "sandboxd_sessions_memory_bytes", {{"policy", "quick"}, {"kind", "swap"}}).has_value());

    world.restart_manager();
    world.until(
        [&] {
            return value(world, "sandboxd_adopted_sessions", {{"result", "adopted"}}) == 1;
        },
        "it is taken over");
    world.until(
        [&] {
            return value(world, "sandboxd_sessions_memory_bytes", {{"policy", "quick"}, {"kind", "current"}})
                .has_value();
        },
        "it is sampled again");
    CHECK(value(world, "sandboxd_sessions_cpu_seconds", quick) == 0); // the one before has counted it
    write_use(world, id, 5, 1);
    world.until([&] { return value(world, "sandboxd_sessions_cpu_seconds", quick) == 2; }, "it is sampled");
    CHECK(value(world, "sandboxd_oom_kills", quick) == 1);
    protocol::Ended& ended = world.launcher->sandbox(id).ended;
    ended.cpu_microseconds = 6'500'000;
    ended.oom_kills = 1;
    world.run(world.manager().remove(id, 0ms));
    CHECK(*value(world, "sandboxd_sessions_cpu_seconds", quick) == Approx(3.5));
    CHECK(value(world, "sandboxd_oom_kills", quick) == 1);
}

TEST_CASE("an end without figures takes nothing back") {
    World world(make_quick);
    give_figures(world);
    const std::string id = world.ready().session.id;
    const metric::Labels quick{{"policy", "quick"}};
    world.until([&] { return value(world, "sandboxd_sessions_cpu_seconds", quick) == 1; }, "it is sampled");
    world.launcher->sandbox(id).ended.cpu_microseconds = 0;
    world.run(world.manager().remove(id, 0ms));
    CHECK(value(world, "sandboxd_sessions_cpu_seconds", quick) == 1);
}

TEST_CASE("restarts are counted by why") {
    World world;
    const std::string id = world.ready("acme", "sturdy").session.id;
    world.launcher->sandbox(id).engine_ends({.exit_status = {}, .signal = 11});
    world.until(
        [&] {
            return value(world, "sandboxd_session_restarts", {{"reason", "crash"}}) == 1;
        },
        "it is started again");
    CHECK(value(world, "sandboxd_session_restarts", {{"reason", "hung"}}) == 0);
}

TEST_CASE("the lag of the loop is observed all the time, and the launcher's absence is seen") {
    World world(make_quick);
    world.until([&] { return observations(world, "sandboxd_event_loop_lag_seconds") > 3; }, "it is observed");
    world.until([&] { return value(world, "sandboxd_launcher_connected") == 1; }, "the launcher is there");
    world.launcher->stop_listening();
    world.launcher->disconnect();
    world.until([&] { return value(world, "sandboxd_launcher_connected") == 0; }, "the launcher is away");
}

TEST_CASE("the host's memory pressure is a ratio, and absent where the kernel has none") {
    const TempDir proc;
    std::filesystem::create_directory(proc.path / "pressure");
    std::ofstream(proc.path / "pressure/memory") << "some avg10=25.00 avg60=0.00 avg300=0.00 total=0\nfull "
                                                    "avg10=5.00 avg60=0.00 avg300=0.00 total=0\n";
    {
        World world([&](policy::Site&, Tuning& tuning) { tuning.proc = proc.path.string(); });
        CHECK(value(world, "sandboxd_memory_pressure_ratio", {{"kind", "some"}}) == 0.25);
        CHECK(value(world, "sandboxd_memory_pressure_ratio", {{"kind", "full"}}) == 0.05);
    }
    std::filesystem::remove(proc.path / "pressure/memory");
    World world([&](policy::Site&, Tuning& tuning) { tuning.proc = proc.path.string(); });
    CHECK_FALSE(value(world, "sandboxd_memory_pressure_ratio", {{"kind", "some"}}).has_value());
}

TEST_CASE("no label names a session or a tenant") {
    World world;
    const std::string id = world.ready().session.id;
    world.run(world.run_command(id, "version", 10s));
    for (const metric::Family& family : world.manager().metrics()) {
        for (const metric::Point& point : family.points) {
            for (const auto& [name, value] : point.labels) {
                CHECK(name != "tenant");
                CHECK(value != id);
                CHECK(value != "acme");
            }
        }
    }
}
