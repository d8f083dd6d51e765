#include "manager/session/use.hpp"
#include "world.hpp"

#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using sandbox::test::error_of;
using sandbox::test::World;
using namespace std::chrono_literals;

namespace {

/// A session whose sandbox is not made until the launcher is let go on.
struct Starting {
    explicit Starting(const std::function<void(policy::Site&, Tuning&)>& change = {},
                      const std::string& policy = "quick")
        : world(change) {
        (*world.launcher)->holds_launches = true;
        id = world.create("acme", policy).session.id;
        world.until([&] { return world.state(id) == State::starting; }, "it starts");
    }
    void go_on() {
        (*world.launcher)->holds_launches = false;
        (*world.launcher)->changed.notify();
    }

    World world;
    std::string id;
};

template <typename T>
Errc code_of(const std::shared_ptr<test::Result<T>>& result) {
    return error_of([&] { std::rethrow_exception(result->failure); }).code();
}

} // namespace

TEST_CASE("requests to a session that starts wait for it, in the order in which they came") {
    Starting starting;
    World& world = starting.world;
    const auto first = world.start(world.run_command(starting.id, "1"));
    const auto list =
        world.start(world.manager().run(world.found(starting.id), {{"2", "3"}, 10s, [] { return true; }}));
    const auto last = world.start(world.run_command(starting.id, "4"));
    world.settle();
    CHECK_FALSE(first->done());
    starting.go_on();
    CHECK(world.finish(first).status == 200);
    CHECK(world.finish(list).ran.size() == 2);
    CHECK(world.finish(last).status == 200);
    CHECK(world.launcher->sandbox(starting.id).engine->ran ==
          std::vector<std::string>{"/run?command=1", "/run?command=2", "/run?command=3", "/run?command=4"});
}

TEST_CASE("a request to a session in the queue waits for it") {
    World world;
    const std::string blocker = world.ready("tiny").session.id;
    const std::string id = world.create("tiny").session.id;
    REQUIRE(world.state(id) == State::queued);
    const auto reply = world.start(world.run_command(id, "1"));
    world.settle();
    CHECK_FALSE(reply->done());
    world.run(world.manager().remove(blocker, {}));
    CHECK(world.finish(reply).status == 200);
}

TEST_CASE("whose time is over while the session starts is told so, and that nothing was sent") {
    Starting starting;
    const Error error =
        error_of([&] { starting.world.run(starting.world.run_command(starting.id, "1", 20ms)); });
    CHECK(error.code() == Errc::timed_out);
    CHECK(std::string(error.what()).find("is still starting, so nothing was sent") != std::string::npos);
    CHECK_FALSE(error.state_may_have_changed());
    starting.go_on();
    starting.world.wait(starting.id, State::ready);
    starting.world.settle();
    CHECK(starting.world.launcher->sandbox(starting.id).engine->ran.empty());
}

TEST_CASE("who waits for a session that ends before it is ready is told that it is gone") {
    Starting starting;
    World& world = starting.world;
    const auto reply = world.start(world.run_command(starting.id, "1"));
    const auto inspected = world.start(world.manager().inspect(starting.id));
    world.settle();
    const auto removed = world.start(world.manager().remove(starting.id, {}));
    world.settle();
    starting.go_on();
    world.finish(removed);
    world.until([&] { return reply->done() && inspected->done(); }, "those who wait are told");
    CHECK(code_of(reply) == Errc::gone);
    CHECK(code_of(inspected) == Errc::gone);
}

TEST_CASE("files and the inspection of a session that is ending are gone, not missing") {
    World world;
    const std::string id = world.ready().session.id;
    (*world.launcher)->holds_ends = true;
    const auto removed = world.start(world.manager().remove(id, {}));
    world.until([&] { return world.state(id) == State::ending; }, "it is ending");
    const auto code = [&](auto call) { return error_of([&] { world.run(call()); }).code(); };
    CHECK(code([&] { return world.manager().inspect(id); }) == Errc::gone);
    CHECK(code([&] { return world.manager().open_file(id, "x"); }) == Errc::gone);
    CHECK(code([&] { return world.manager().list_folder(id, "", ""); }) == Errc::gone);
    CHECK(code([&] { return world.manager().put_file(id, {}); }) == Errc::gone);
    CHECK(code([&] { return world.manager().remove_file(id, "x", {}); }) == Errc::gone);
    (*world.launcher)->holds_ends = false;
    (*world.launcher)->changed.notify();
    world.finish(removed);
}

TEST_CASE("a request to a session that is not ready yet starts no idle clock") {
    Starting starting({}, "mortal");
    World& world = starting.world;
    const auto opened = world.start(world.manager().open_file(starting.id, "x"));
    world.settle();
    CHECK_FALSE(world.manager().get(starting.id).expires.idle_at.has_value());
    CHECK_FALSE(world.manager().get(starting.id).last_activity_at.has_value());
    starting.go_on();
    world.finish(opened);
    CHECK(world.manager().get(starting.id).expires.idle_at.has_value());
}

TEST_CASE("the end of a use wakes nobody who waits for the session to be ready") {
    boost::asio::io_context io;
    const auto session = std::make_shared<Session>(io, Tuning{}, Kind::tenant, SessionView{},
                                                   policy::Policy{}, policy::Overrides{}, "");
    unsigned changes = 0;
    boost::asio::co_spawn(
        io,
        [&]() -> boost::asio::awaitable<void> {
            for (;;) {
                co_await session->changed.wait();
                ++changes;
            }
        },
        [](const std::exception_ptr&) {});
    io.poll();
    const auto use = [&] {
        { const Use one(session); }
        io.poll();
        return std::exchange(changes, 0);
    };
    CHECK(use() == 0);
    session->move_to(State::starting, "a test");
    io.poll();
    changes = 0;
    CHECK(use() == 0);
    session->move_to(State::ready, "a test");
    io.poll();
    changes = 0;
    CHECK(use() == 1);
    const Use another(session);
    CHECK(use() == 0);
}

TEST_CASE("no more than sixteen wait for a session that starts; the next one is refused with quota") {
    Starting starting;
    World& world = starting.world;
    std::vector<std::shared_ptr<test::Result<chimerax::RestReply>>> replies;
    for (int i = 0; i < 15; ++i)
        replies.push_back(world.start(world.run_command(starting.id, std::to_string(i))));
    const auto inspected = world.start(world.manager().inspect(starting.id));
    world.settle();
    CHECK(error_of([&] { world.run(world.run_command(starting.id, "x")); }).code() == Errc::quota);
    CHECK(error_of([&] { world.run(world.manager().open_file(starting.id, "x")); }).code() == Errc::quota);
    starting.go_on();
    for (const auto& reply : replies)
        CHECK(world.finish(reply).status == 200);
    world.until([&] { return inspected->done(); }, "the inspection ends");
}

TEST_CASE("a caller that goes away waits no more, and leaves its place") {
    Starting starting([](policy::Site&, Tuning& tuning) { tuning.rest_queue = 1; });
    World& world = starting.world;
    boost::asio::cancellation_signal departure;
    std::exception_ptr failure;
    bool done = false;
    boost::asio::co_spawn(
        world.io, world.run_command(starting.id, "1"),
        boost::asio::bind_cancellation_slot(departure.slot(),
                                            [&](const std::exception_ptr& why, const chimerax::RestReply&) {
                                                failure = why;
                                                done = true;
                                            }));
    world.settle();
    departure.emit(boost::asio::cancellation_type::terminal);
    world.until([&] { return done; }, "it stops waiting");
    CHECK(failure);
    const auto next = world.start(world.run_command(starting.id, "2"));
    world.settle();
    CHECK_FALSE(next->done());
    starting.go_on();
    CHECK(world.finish(next).status == 200);
    CHECK(world.launcher->sandbox(starting.id).engine->ran == std::vector<std::string>{"/run?command=2"});
}

TEST_CASE("what has no time-out of its own waits as long as the site's, and then is told why") {
    Starting starting([](policy::Site&, Tuning& tuning) { tuning.start_wait = 50ms; });
    World& world = starting.world;
    const auto late = [&](auto&& call) { return error_of([&] { world.run(call()); }).code(); };
    CHECK(late([&] { return world.manager().inspect(starting.id); }) == Errc::timed_out);
    CHECK(late([&] { return world.manager().set_frozen(starting.id, true); }) == Errc::timed_out);
    CHECK(late([&] { return world.manager().restart(starting.id); }) == Errc::timed_out);
    CHECK(late([&] { return world.manager().extend(starting.id, 1s); }) == Errc::timed_out);
    CHECK(late([&] { return world.manager().change(starting.id, {}); }) == Errc::timed_out);
    CHECK(late([&] { return world.manager().open_file(starting.id, "x"); }) == Errc::timed_out);
    CHECK(late([&] { return world.manager().list_folder(starting.id, "", ""); }) == Errc::timed_out);
    CHECK(world.manager().touch(starting.id).state == State::starting);
}

TEST_CASE("a freeze and a restart of a session that starts are done once it is ready") {
    Starting starting;
    World& world = starting.world;
    const auto frozen = world.start(world.manager().set_frozen(starting.id, true));
    world.settle();
    starting.go_on();
    CHECK(world.finish(frozen).state == State::frozen);
}

TEST_CASE("those who wait for a start are sent to the next manager when this one leaves") {
    Starting starting;
    const auto reply = starting.world.start(starting.world.run_command(starting.id, "1"));
    starting.world.settle();
    starting.world.manager().leave();
    starting.world.until([&] { return reply->done(); }, "it is told");
    CHECK(code_of(reply) == Errc::unavailable);
}
