#include "world.hpp"

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using sandbox::test::error_of;
using sandbox::test::World;

namespace {

CreateRequest asking(const std::string& tenant, const std::string& policy) {
    CreateRequest request;
    request.tenant = tenant;
    request.policy = policy;
    return request;
}

void check_refused(World& world, const CreateRequest& request, Errc code, const std::string& field) {
    const Error error = error_of([&] { world.run(world.manager().create(request)); });
    CHECK(error.code() == code);
    CHECK(error.field() == field);
    CHECK(world.manager().list().empty());
    CHECK((*world.launcher)->launches.empty());
}

} // namespace

TEST_CASE("what is unknown, broken or not allowed is refused with its field, and nothing is made") {
    World world;
    check_refused(world, asking("nobody", "quick"), Errc::not_found, "tenant");
    check_refused(world, asking("acme", "unheard"), Errc::not_found, "policy");
    check_refused(world, asking("acme", "sealed"), Errc::denied, "policy");
    check_refused(world, asking("acme", "broken"), Errc::unavailable, "policy");
    check_refused(world, asking("probe", "quick"), Errc::denied, "tenant");
}

TEST_CASE("overrides go to the launcher within the policy's ceilings, and are refused above them") {
    World world;
    CreateRequest request = asking("acme", "quick");
    request.overrides.memory_max = 3_GiB;
    const Error error = error_of([&] { world.run(world.manager().create(request)); });
    CHECK(error.code() == Errc::denied);
    request.overrides.memory_max = 2_GiB;
    const Created created = world.run(world.manager().create(request));
    const SessionView view = world.wait(created.session.id, State::ready);
    CHECK(view.asked.memory_max == 2_GiB);
    CHECK(view.enforced.memory_max == 2_GiB);
    REQUIRE((*world.launcher)->launches.size() == 1);
    CHECK((*world.launcher)->launches[0].memory_max == 2_GiB);
}

TEST_CASE("without a policy the tenant's first is taken; names and labels are kept") {
    World world;
    CreateRequest request = asking("acme", "");
    request.name = "my session";
    request.labels = {{"user", "ada"}};
    const Created created = world.run(world.manager().create(request));
    CHECK(created.session.policy == "quick");
    CHECK(created.session.state == State::queued);
    const SessionView view = world.manager().get(created.session.id);
    CHECK(view.name == "my session");
    CHECK(view.labels == request.labels);
    request.labels.clear();
    request.name = std::string(300, 'x');
    CHECK(error_of([&] { world.run(world.manager().create(request)); }).field() == "name");
}

TEST_CASE("a tenant gets its max_sessions and no more, until one has ended") {
    World world;
    const Created first = world.ready("tiny");
    const Error error = error_of([&] { world.create("tiny"); });
    CHECK(error.code() == Errc::quota);
    CHECK_NOTHROW(world.create("acme")); // another tenant's quota is its own
    world.run(world.manager().remove(first.session.id, {}));
    CHECK_NOTHROW(world.create("tiny"));
}

TEST_CASE("with every slot taken it is capacity, and an ended session gives its slot back") {
    World world([](policy::Site& site, Tuning&) { site.slots = 2; });
    const Created first = world.ready();
    const Created second = world.ready();
    CHECK(first.session.slot != second.session.slot);
    CHECK(error_of([&] { world.create(); }).code() == Errc::capacity);
    world.run(world.manager().remove(first.session.id, {}));
    CHECK(world.ready().session.slot == first.session.slot);
}

TEST_CASE("while the launcher is away a create is unavailable, and possible again when it is back") {
    World world({}, false);
    CHECK_FALSE(world.manager().launcher_connected());
    CHECK(error_of([&] { world.create(); }).code() == Errc::unavailable);
    world.launcher.emplace(world.io, world.dir.path);
    world.until([&] { return world.manager().launcher_connected(); }, "it reconnects");
    CHECK(world.ready().session.state == State::ready);
}

TEST_CASE("a token belongs to its session alone, and is not the hash that the launcher keeps") {
    World world;
    const Created first = world.create();
    const Created second = world.create();
    Manager& manager = world.manager();
    CHECK(manager.token_matches(first.session.id, first.token));
    CHECK_FALSE(manager.token_matches(first.session.id, second.token));
    CHECK_FALSE(manager.token_matches(first.session.id, ""));
    CHECK_FALSE(manager.token_matches("aaaaaaaaaaaaaaaa", first.token));
    CHECK(manager.session_of_token(second.token) == second.session.id);
    CHECK_FALSE(manager.session_of_token("guess").has_value());
    world.until([&] { return (*world.launcher)->launches.size() == 2; }, "both are launched");
    CHECK((*world.launcher)->launches[0].token_hash != first.token);
    CHECK_FALSE(manager.session_of_token((*world.launcher)->launches[0].token_hash).has_value());
}
