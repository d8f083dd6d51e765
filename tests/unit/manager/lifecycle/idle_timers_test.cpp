#include "world.hpp"

#include <chrono>

#include <catch2/catch.hpp>
#include <sys/mman.h>

using namespace sandbox;
using namespace sandbox::manager;
using namespace std::chrono_literals;
using sandbox::test::error_of;
using sandbox::test::World;

namespace {

struct Clocks {
    std::optional<Duration> idle, lifetime;
};

/// A ready session under these clocks.
std::string ready(World& world, const Clocks& clocks) {
    CreateRequest request;
    request.tenant = "acme";
    request.policy = "quick";
    request.idle_timeout = clocks.idle;
    request.max_lifetime = clocks.lifetime;
    const std::string id = world.run(world.manager().create(request)).session.id;
    world.wait(id, State::ready);
    return id;
}

BootClock::duration lived(BootClock::time_point since) {
    return BootClock::now() - since;
}

} // namespace

TEST_CASE("a session that nobody uses ends by its idle clock, and not before") {
    World world;
    const auto start = BootClock::now();
    const SessionView end = world.ended(ready(world, {.idle = 300ms, .lifetime = {}}));
    CHECK(end.end->reason == EndReason::idle);
    CHECK_THAT(end.end->message, Catch::Contains("300ms"));
    CHECK(lived(start) >= 300ms);
}

TEST_CASE("a session with a request in flight is not idle, however long that takes") {
    World world;
    const std::string id = ready(world, {.idle = 200ms, .lifetime = {}});
    world.launcher->sandbox(id).engine->holds = true;
    const auto answer = world.start(world.run_command(id, "wait"));
    world.until([&] { return !world.launcher->sandbox(id).engine->ran.empty(); }, "the command runs");
    const auto since = BootClock::now();
    world.until([&] { return lived(since) > 500ms; }, "more than the idle time goes by");
    CHECK(world.state(id) == State::busy);
    world.launcher->sandbox(id).engine.let_one_out();
    CHECK(world.finish(answer).status == 200);
    const auto answered = BootClock::now();
    CHECK(world.ended(id).end->reason == EndReason::idle);
    CHECK(lived(answered) >= 190ms); // the clock began anew with the answer
}

TEST_CASE("a session is not idle, nor frozen, while a file comes or somebody holds it as used") {
    World world;
    const std::string id = ready(world, {.idle = 300ms, .lifetime = {}});
    const auto lives_on = [&] {
        const auto since = BootClock::now();
        world.until([&] { return lived(since) > 700ms; }, "more than the idle time goes by");
        return world.state(id) == State::ready;
    };
    (*world.launcher)->holds_puts = true;
    NewFile file;
    file.path = "a";
    file.content = UniqueFd(::memfd_create("content", MFD_CLOEXEC));
    const auto put = world.start(world.manager().put_file(id, std::move(file)));
    CHECK(lives_on());
    CHECK(error_of([&] { world.run(world.manager().set_frozen(id, true)); }).code() == Errc::conflict);
    CHECK((*world.launcher)->freezes.empty());
    InUse in_use = world.manager().use(world.found(id));
    (*world.launcher)->holds_puts = false;
    (*world.launcher)->changed.notify();
    CHECK(world.finish(put).created);
    CHECK(lives_on());
    CHECK(in_use.lives());
    CHECK(in_use.work_size.value > 0);
    const auto left = BootClock::now();
    in_use.hold.reset();
    CHECK(world.ended(id).end->reason == EndReason::idle);
    CHECK(lived(left) >= 290ms); // the clock began anew
    CHECK_FALSE(in_use.lives());
}

TEST_CASE("a session that is used for ever ends by its lifetime") {
    World world;
    const std::string id = ready(world, {.idle = {}, .lifetime = 400ms});
    const InUse in_use = world.manager().use(world.found(id));
    CHECK(world.ended(id).end->reason == EndReason::lifetime);
}

TEST_CASE("a used session is not frozen by its clock until it is let go") {
    World world;
    CreateRequest request;
    request.tenant = "acme";
    request.policy = "drowsy";
    const std::string id = world.run(world.manager().create(request)).session.id;
    world.wait(id, State::ready);
    InUse in_use = world.manager().use(world.found(id));
    const auto since = BootClock::now();
    world.until([&] { return lived(since) > 1500ms; }, "more than its time goes by");
    CHECK(world.state(id) == State::ready);
    in_use.hold.reset();
    world.wait(id, State::frozen);
}

TEST_CASE("a session that works past its idle time costs nothing to watch") {
    World world([](policy::Site&, Tuning& tuning) { tuning.payload_recheck = 5s; });
    const std::string id = ready(world, {.idle = 100ms, .lifetime = {}});
    world.launcher->sandbox(id).engine->holds = true;
    const auto answer = world.start(world.run_command(id, "wait"));
    world.until([&] { return !world.launcher->sandbox(id).engine->ran.empty(); }, "the command runs");
    const auto since = BootClock::now();
    std::size_t handlers = 0;
    while (lived(since) < 500ms) {
        world.io.restart();
        handlers += world.io.run_one_for(10ms);
    }
    CHECK(lived(since) > 100ms);
    CHECK(handlers < 100);
    world.launcher->sandbox(id).engine.let_one_out();
    CHECK(world.finish(answer).status == 200);
}

TEST_CASE("a touch is activity, and looking at a session is none") {
    World world;
    const std::string id = ready(world, {.idle = 400ms, .lifetime = {}});
    const auto first = world.manager().get(id).expires.idle_at;
    REQUIRE(first.has_value());
    const auto since = BootClock::now();
    world.until([&] { return lived(since) > 100ms; }, "some of the idle time goes by");
    CHECK(*world.manager().get(id).expires.idle_at - *first < 50ms);
    CHECK(*world.manager().touch(id).expires.idle_at - *first > 50ms);
    CHECK(world.ended(id).end->reason == EndReason::idle);
    CHECK(lived(since) >= 500ms);
}

TEST_CASE("a session ends by its lifetime, though it is busy") {
    World world;
    const std::string id = ready(world, {.idle = {}, .lifetime = 700ms});
    CHECK(world.manager().get(id).expires.lifetime_at.has_value());
    CHECK_FALSE(world.manager().get(id).expires.idle_at.has_value());
    world.launcher->sandbox(id).engine->holds = true;
    const auto answer = world.start(world.run_command(id, "wait"));
    CHECK(world.ended(id).end->reason == EndReason::lifetime);
    CHECK(error_of([&] { world.finish(answer); }).code() == Errc::engine);
}

TEST_CASE("without clocks nothing expires") {
    World world;
    const SessionView view = world.manager().get(ready(world, {}));
    CHECK_FALSE(view.expires.idle_at.has_value());
    CHECK_FALSE(view.expires.lifetime_at.has_value());
}

TEST_CASE("a caller's clock is cut to the policy's") {
    World world;
    CreateRequest request;
    request.tenant = "acme";
    request.policy = "mortal";
    request.idle_timeout = 1h;
    request.max_lifetime = 2h;
    const std::string id = world.run(world.manager().create(request)).session.id;
    world.wait(id, State::ready);
    const SessionView view = world.manager().get(id);
    REQUIRE(view.expires.idle_at.has_value());
    REQUIRE(view.expires.lifetime_at.has_value());
    CHECK(*view.expires.idle_at - *view.last_activity_at < 1min);
    CHECK(*view.expires.lifetime_at - view.created_at < 2min);
}

TEST_CASE("a touch of what is not ready yet is no error, and no clock runs") {
    World world;
    const std::string id = world.create("acme", "mortal").session.id;
    const SessionView touched = world.manager().touch(id);
    CHECK_FALSE(touched.last_activity_at);
    CHECK_FALSE(touched.expires.idle_at);
}

namespace {

std::vector<Event> expiring(World& world, std::uint64_t since) {
    std::vector<Event> found = world.manager().events_since(since).events;
    std::erase_if(found, [](const Event& event) { return event.type != Event::Type::expiring; });
    return found;
}

} // namespace

TEST_CASE("who follows a session is told ahead of its end, and again when that was put off") {
    World world([](policy::Site&, Tuning& tuning) { tuning.expiring_ahead = {400ms, 150ms}; });
    const std::uint64_t start = world.manager().events_since(0).last_id;
    const std::string id = ready(world, {.idle = 600ms, .lifetime = {}});
    world.until([&] { return expiring(world, start).size() == 1; }, "the first word comes");
    const Event first = expiring(world, start)[0];
    CHECK(first.session == id);
    CHECK(first.clock == Clock::idle);
    CHECK(first.left > 150ms);
    CHECK(first.left <= 400ms);
    CHECK(std::chrono::abs(first.expires_at - *world.manager().get(id).expires.idle_at) < 50ms);
    world.manager().touch(id);
    CHECK(world.ended(id).end->reason == EndReason::idle);
    CHECK(expiring(world, start).size() == 3);
}

TEST_CASE("the steps of a session are events, in their order") {
    World world;
    const std::uint64_t start = world.manager().events_since(0).last_id;
    const std::string id = world.ready().session.id;
    world.run(world.manager().remove(id, 0ms));
    std::vector<State> states;
    for (const Event& event : world.manager().events_since(start).events) {
        CHECK(event.session == id);
        CHECK(event.tenant == "acme");
        states.push_back(event.state);
    }
    CHECK(states == std::vector{State::queued, State::starting, State::ready, State::ending, State::ended});
    CHECK(world.manager().events_since(start).events.back().reason == EndReason::deleted);
}

TEST_CASE("a lifetime can be extended as far as the policy allows, and that outlives the manager") {
    World world;
    CreateRequest request;
    request.tenant = "acme";
    request.policy = "mortal";
    request.max_lifetime = 70s; // of the policy's 100 s
    const std::string id = world.run(world.manager().create(request)).session.id;
    const auto before = *world.wait(id, State::ready).expires.lifetime_at;
    CHECK(*world.run(world.manager().extend(id, 20s)).expires.lifetime_at - before > 19s);
    const Error error = error_of([&] { world.run(world.manager().extend(id, 11s)); });
    CHECK(error.code() == Errc::denied);
    CHECK(error.field() == "seconds");
    CHECK_THAT(error.what(), Catch::Contains("1m40s") && Catch::Contains("10s"));
    world.restart_manager();
    world.wait(id, State::ready);
    CHECK(std::chrono::abs(*world.manager().get(id).expires.lifetime_at - before - 20s) < 1s);
    CHECK(error_of([&] { world.run(world.manager().extend(id, 11s)); }).code() == Errc::denied);
    world.run(world.manager().extend(id, 10s));
}

TEST_CASE("a session without an end of its lifetime cannot be extended") {
    World world;
    const std::string id = world.ready().session.id;
    CHECK(error_of([&] { world.run(world.manager().extend(id, 1s)); }).code() == Errc::conflict);
}
