#include "world.hpp"

#include <fstream>

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

TEST_CASE(
    "a caller who does not want to wait is refused for the limit that is met, with a time to come back") {
    World world([](policy::Site& site, Tuning&) { site.admission.max_sessions = 4; });
    const auto check = [&](const std::string& tenant, const std::string& policy, Errc code,
                           const char* reason) {
        CreateRequest request = asking(tenant, policy);
        request.queue_timeout = Duration(0);
        const Error error = error_of([&] { world.run(world.manager().create(request)); });
        CHECK(error.code() == code);
        REQUIRE(error.retry().has_value());
        CHECK(error.retry()->reason == reason);
        CHECK(error.retry()->after >= std::chrono::seconds(1));
    };
    world.ready("tiny");
    check("tiny", "quick", Errc::quota, "tenant_sessions");
    world.ready("acme", "rare");
    const Created rare = world.ready("globex", "rare");
    check("acme", "rare", Errc::quota, "policy_sessions");
    CreateRequest fits = asking("acme", "quick");
    fits.queue_timeout = Duration(0);
    const Created last = world.run(world.manager().create(fits));
    CHECK(world.wait(last.session.id, State::ready).state == State::ready);
    check("acme", "quick", Errc::capacity, "host_sessions");
    CHECK(world.manager().list().size() == 4);
    world.run(world.manager().remove(rare.session.id, {}));
    CHECK_NOTHROW(world.run(world.manager().create(fits)));
}

TEST_CASE("a full queue refuses, no tenant has more than half of it, and the times told follow one another") {
    World world([](policy::Site& site, Tuning&) {
        site.admission.max_sessions = 1;
        site.admission.queue_length = 4;
    });
    const Created first = world.ready();
    const auto queue = [&](const std::string& tenant, int seconds) {
        CreateRequest request = asking(tenant, "quick");
        request.queue_timeout = std::chrono::seconds(seconds);
        return world.run(world.manager().create(request));
    };
    const auto refused = [&](const std::string& tenant) { return error_of([&] { queue(tenant, 60); }); };
    queue("acme", 20);
    queue("acme", 30);
    const Error half = refused("acme");
    CHECK(half.code() == Errc::quota);
    CHECK(half.retry()->reason == "tenant_queue_full");
    CHECK(half.retry()->after == std::chrono::seconds(21));
    const Created third = queue("globex", 40);
    queue("tiny", 50);
    for (const int expected : {21, 31, 41, 51, 51}) {
        const Error full = refused("globex");
        CHECK(full.code() == Errc::capacity);
        CHECK(full.retry()->reason == "queue_full");
        CHECK(full.retry()->after == std::chrono::seconds(expected));
    }
    CHECK(world.manager().pressure().refuses->reason == "queue_full");
    world.run(world.manager().remove(third.session.id, {}));
    CHECK_FALSE(world.manager().pressure().refuses.has_value());
    CHECK_NOTHROW(queue("globex", 40));
}

TEST_CASE("a queue of no length refuses all who would wait") {
    World world([](policy::Site& site, Tuning&) {
        site.slots = 1;
        site.admission.queue_length = 0;
    });
    const Created first = world.ready();
    CHECK(error_of([&] { world.create(); }).retry()->reason == "host_sessions");
    CHECK(world.manager().pressure().refuses->reason == "host_sessions");
    world.run(world.manager().remove(first.session.id, {}));
    CHECK(world.ready().session.slot == first.session.slot);
}

TEST_CASE("a tenant that may have no sessions is denied, not queued") {
    World world;
    std::ofstream(world.dir.path / "tenants/idle.toml") << "max_sessions = 0\npolicies = [\"quick\"]\n";
    world.restart_manager();
    world.until([&] { return world.manager().launcher_connected(); }, "it connects");
    check_refused(world, asking("idle", "quick"), Errc::denied, "tenant");
}

TEST_CASE("the same key makes the same session with the same token, as long as the session is known") {
    World world;
    CreateRequest request = asking("acme", "quick");
    request.repeat = IdempotencyKey{"tenant:acme", "key", "fingerprint"};
    const Created first = world.run(world.manager().create(request));
    const Created second = world.run(world.manager().create(request));
    CHECK(second.session.id == first.session.id);
    CHECK(second.token == first.token);
    CHECK_FALSE(first.repeated);
    CHECK(second.repeated);
    CHECK(world.manager().token_matches(first.session.id, second.token));
    world.wait(first.session.id, State::ready);
    CHECK(world.run(world.manager().create(request)).session.state == State::ready);
    CHECK((*world.launcher)->launches.size() == 1);

    CreateRequest other = request;
    other.repeat->fingerprint = "another";
    CHECK(error_of([&] { world.run(world.manager().create(other)); }).code() == Errc::conflict);
    other.repeat->caller = "tenant:globex";
    CHECK(world.run(world.manager().create(other)).session.id != first.session.id);

    world.run(world.manager().remove(first.session.id, {}));
    const Created third = world.run(world.manager().create(request));
    CHECK(third.session.id == first.session.id);
    CHECK(third.session.end->reason == EndReason::deleted);
}

TEST_CASE("a key whose session came to nothing is free again, and a refusal takes none") {
    World world([](policy::Site& site, Tuning&) { site.admission.max_sessions = 1; });
    const Created blocker = world.ready();
    CreateRequest request = asking("acme", "quick");
    request.repeat = IdempotencyKey{"tenant:acme", "key", "fingerprint"};
    request.queue_timeout = Duration(0);
    CHECK(error_of([&] { world.run(world.manager().create(request)); }).code() == Errc::capacity);
    request.queue_timeout = Duration(30);
    const Created late = world.run(world.manager().create(request));
    CHECK(world.ended(late.session.id).end->reason == EndReason::queue_timeout);
    world.run(world.manager().remove(blocker.session.id, {}));
    const Created again = world.run(world.manager().create(request));
    CHECK(again.session.id != late.session.id);
    CHECK_FALSE(again.repeated);
    CHECK(world.wait(again.session.id, State::ready).state == State::ready);
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
