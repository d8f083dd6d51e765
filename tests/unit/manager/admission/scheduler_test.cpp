#include "world.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using namespace std::chrono_literals;
using sandbox::test::World;

namespace {

CreateRequest asking(const std::string& tenant, const std::string& policy = "quick") {
    CreateRequest request;
    request.tenant = tenant;
    request.policy = policy;
    return request;
}

auto with_places(std::uint64_t places, std::size_t queue = 256) {
    return [=](policy::Site& site, Tuning&) {
        site.admission.max_sessions = places;
        site.admission.queue_length = queue;
    };
}

void end(World& world, const std::string& id) {
    world.run(world.manager().remove(id, Duration(0)));
}

} // namespace

TEST_CASE("one too many waits as queued, and starts when a place is free") {
    World world(with_places(1));
    const Created first = world.ready();
    const Created second = world.create();
    world.settle();
    CHECK(world.state(second.session.id) == State::queued);
    CHECK((*world.launcher)->launches.size() == 1);
    CHECK(world.manager().pressure().queue_length == 1);
    end(world, first.session.id);
    CHECK(world.wait(second.session.id, State::ready).state == State::ready);
    CHECK(world.manager().pressure().queue_length == 0);
    CHECK(world.manager().pressure().sessions == 1);
}

TEST_CASE("the queue is served in turn, tenant by tenant") {
    World world(with_places(1));
    const Created first = world.ready();
    for (int i = 0; i < 4; ++i)
        world.create("acme");
    for (int i = 0; i < 2; ++i)
        world.create("globex");
    world.create("tiny");
    std::string order;
    std::string last = first.session.id;
    while (order.size() < 7) {
        const std::size_t before = (*world.launcher)->launches.size();
        end(world, last);
        world.until([&] { return (*world.launcher)->launches.size() > before; }, "the next one starts");
        order += (*world.launcher)->launches.back().tenant.front();
        last = (*world.launcher)->launches.back().session;
        world.wait(last, State::ready);
    }
    CHECK(order == "agtagaa");
}

TEST_CASE("a tenant at its own limit waits alone: others pass") {
    World world;
    const Created first = world.ready("tiny");
    const Created second = world.create("tiny");
    CHECK(world.ready("acme").session.state == State::ready);
    CHECK(world.state(second.session.id) == State::queued);
    end(world, first.session.id);
    CHECK(world.wait(second.session.id, State::ready).state == State::ready);
}

TEST_CASE("a policy's sessions are limited over all tenants, and another policy is free") {
    World world;
    const Created first = world.ready("acme", "rare");
    world.ready("globex", "rare");
    const Created third = world.create("acme", "rare");
    CHECK(world.ready("acme", "quick").session.state == State::ready);
    CHECK(world.state(third.session.id) == State::queued);
    end(world, first.session.id);
    CHECK(world.wait(third.session.id, State::ready).state == State::ready);
}

TEST_CASE("who waits for memory is not overtaken by a smaller one, and the overcommit makes room") {
    World world([](policy::Site& site, Tuning&) {
        site.admission.memory_budget = 2_GiB;
        site.admission.memory_overcommit = 1.5;
    });
    const Created first = world.ready();
    const Created second = world.ready();
    CreateRequest big = asking("acme");
    big.overrides.memory_max = 2_GiB;
    const Created waits = world.run(world.manager().create(big));
    const Created small = world.create("globex");
    world.settle();
    CHECK(world.state(waits.session.id) == State::queued);
    CHECK(world.state(small.session.id) == State::queued);
    CHECK(world.manager().pressure().memory_promised == 2_GiB);
    CHECK(world.manager().pressure().memory_max == 3_GiB);
    end(world, first.session.id);
    CHECK(world.wait(waits.session.id, State::ready).state == State::ready);
    CHECK(world.state(small.session.id) == State::queued);
    end(world, second.session.id);
    CHECK(world.wait(small.session.id, State::ready).state == State::ready);
}

TEST_CASE("whose time in the queue is over ends with queue_timeout, and the next keeps its place") {
    World world(with_places(1));
    const Created first = world.ready();
    CreateRequest hasty = asking("acme");
    hasty.queue_timeout = 50ms;
    const Created waits = world.run(world.manager().create(hasty));
    const Created patient = world.create();
    const SessionView view = world.ended(waits.session.id);
    CHECK(view.end->reason == EndReason::queue_timeout);
    CHECK_THAT(view.end->message, Catch::Contains("host_sessions"));
    CHECK(world.state(patient.session.id) == State::queued);
    end(world, first.session.id);
    CHECK(world.wait(patient.session.id, State::ready).state == State::ready);
    CHECK((*world.launcher)->launches.size() == 2);
}

TEST_CASE("a client that goes takes its session out of the queue, but none that has started") {
    World world(with_places(1));
    const Created first = world.ready();
    const Created second = world.create();
    const Created third = world.create();
    world.manager().client_gone(first.session.id);
    world.manager().client_gone(second.session.id);
    world.manager().client_gone("aaaaaaaaaaaaaaaa");
    CHECK(world.ended(second.session.id).end->reason == EndReason::cancelled);
    CHECK(world.state(first.session.id) == State::ready);
    end(world, first.session.id);
    CHECK(world.wait(third.session.id, State::ready).state == State::ready);
}

TEST_CASE("starts take turns too: a tenant that asks for many does not hold up another") {
    World world([](policy::Site& site, Tuning&) { site.admission.starts_at_once = 1; });
    world.ready();
    (*world.launcher)->holds_launches = true;
    for (int i = 0; i < 5; ++i)
        world.create("acme");
    const Created other = world.create("globex");
    world.until([&] { return (*world.launcher)->launches.size() == 2; }, "one is being made");
    world.settle();
    CHECK((*world.launcher)->launches.size() == 2);
    CHECK(world.manager().pressure().starting == 1);
    CHECK(world.manager().pressure().queue_length == 0);
    (*world.launcher)->holds_launches = false;
    (*world.launcher)->changed.notify();
    world.wait(other.session.id, State::ready);
    CHECK((*world.launcher)->most_launching == 1);
    CHECK((*world.launcher)->launches[3].tenant == "globex");
}

TEST_CASE("who is in the queue when the manager stops ends, and takes no place that becomes free") {
    World world(with_places(1));
    const Created first = world.ready();
    const Created second = world.create();
    world.run(world.manager().shutdown());
    CHECK(world.manager().get(second.session.id).end->reason == EndReason::shutdown);
    CHECK((*world.launcher)->launches.size() == 1);
    CHECK(world.manager().pressure().refuses->reason == "shutting_down");
}

TEST_CASE("after the manager's death what was queued waits on, and what runs keeps its place") {
    World world(with_places(1));
    const Created first = world.ready();
    const Created second = world.create();
    world.restart_manager();
    world.wait(first.session.id, State::ready);
    world.wait(second.session.id, State::queued);
    CHECK(world.manager().pressure().sessions == 1);
    CHECK(world.manager().pressure().memory_promised == 1_GiB);
    CHECK(world.manager().pressure().queue_length == 1);
    end(world, first.session.id);
    CHECK(world.wait(second.session.id, State::ready).state == State::ready);
}
