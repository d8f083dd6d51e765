#include "manager/store/session_store.hpp"
#include "world.hpp"

#include <algorithm>
#include <csignal>

#include <boost/asio/ip/tcp.hpp>
#include <catch2/catch.hpp>
#include <sys/resource.h>

using namespace sandbox;
using namespace sandbox::manager;
using sandbox::test::error_of;
using sandbox::test::FakeSandbox;
using sandbox::test::World;
using namespace std::chrono_literals;
using boost::asio::ip::tcp;

namespace {

std::string store_of(const World& world) {
    return (world.dir.path / "state/manager/sessions.db").string();
}

/// What a manager that is killed leaves, changed before the next one comes.
void change_store(World& world, const std::function<void(SessionRecord&)>& change) {
    world.stop_manager();
    SessionStore store(store_of(world));
    StoreBatch batch{store.load(), {}};
    for (SessionRecord& record : batch.put)
        change(record);
    store.write(batch);
}

/// As a full disk does, a limit makes writes fail (setrlimit(2), RLIMIT_FSIZE), and for root too.
void limit_file_size(rlim_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = std::min(bytes, limit.rlim_max);
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

bool was_ended(World& world, const std::string& id) {
    return std::ranges::any_of((*world.launcher)->ends,
                               [&](const protocol::End& end) { return end.session == id; });
}

} // namespace

TEST_CASE("the next manager takes over every session that runs, and clients notice nothing") {
    World world;
    std::vector<Created> old;
    for (int i = 0; i < 6; ++i)
        old.push_back(world.ready());
    world.restart_manager();
    for (const Created& one : old) {
        const SessionView view = world.wait(one.session.id, State::ready);
        CHECK(view.state == State::ready);
        CHECK(view.slot == one.session.slot);
        CHECK(view.address == one.session.address);
        CHECK(view.created_at == one.session.created_at);
        CHECK(world.manager().token_matches(one.session.id, one.token));
        CHECK(world.run(world.run_command(one.session.id, "version")).status == 200);
        CHECK_FALSE(was_ended(world, one.session.id));
    }
    CHECK(world.manager().list().size() == 6);
    // And it is its own from here on.
    const Created fresh = world.ready();
    for (const Created& one : old)
        CHECK(fresh.session.slot != one.session.slot);
    world.launcher->sandbox(old[0].session.id)
        .engine_ends({.run = 1, .exit_status = 3, .signal = {}, .runtime_milliseconds = 1});
    CHECK(world.ended(old[0].session.id).end->exit_status == 3);
}

TEST_CASE("name, labels, limits and clocks of a session outlive its manager") {
    World world;
    CreateRequest request;
    request.tenant = "acme";
    request.policy = "mortal";
    request.name = "grün";
    request.labels = {{"app", "viewer"}};
    request.overrides.memory_max = 2_GiB;
    request.idle_timeout = 40s;
    const std::string id = world.run(world.manager().create(request)).session.id;
    const SessionView before = world.wait(id, State::ready);
    const Bytes work = world.manager().use(world.found(id)).work_size;
    world.restart_manager();
    const SessionView after = world.wait(id, State::ready);
    CHECK(work.value > 0);
    CHECK(world.manager().use(world.found(id)).work_size == work); // as large a file is taken as before
    CHECK(after.name == "grün");
    CHECK(after.labels == request.labels);
    CHECK(after.asked.memory_max == 2_GiB);
    CHECK(after.enforced.memory_max == before.enforced.memory_max);
    CHECK(after.ready_at == before.ready_at);
    // It lives no longer because its manager was killed; how long it was not used begins anew.
    CHECK(std::chrono::abs(*after.expires.lifetime_at - *before.expires.lifetime_at) < 50ms);
    CHECK(*after.expires.idle_at >= *before.expires.idle_at);
    CHECK(*after.expires.idle_at - std::chrono::system_clock::now() < 41s);
}

TEST_CASE("a published port is the same after a restart, and its connections reach the new manager") {
    World world;
    const Created created = world.ready("acme", "open");
    world.restart_manager();
    std::vector<std::string> handed;
    world.manager().on_published_connection(
        [&](std::string id, tcp::socket) { handed.push_back(std::move(id)); });
    CHECK(world.wait(created.session.id, State::ready).published_port == created.session.published_port);
    tcp::socket client(world.io);
    client.connect({boost::asio::ip::address_v4::loopback(), *created.session.published_port});
    world.until([&] { return handed.size() == 1; }, "the connection is handed on");
    CHECK(handed[0] == created.session.id);
}

TEST_CASE("one whose request was under way is taken over, and takes the next request") {
    World world;
    const Created created = world.ready();
    FakeSandbox& sandbox = world.launcher->sandbox(created.session.id);
    sandbox.engine->holds = true;
    const auto lost = world.start(world.run_command(created.session.id, "lost"));
    world.until([&] { return sandbox.engine->ran.size() == 1; }, "the engine gets it");
    world.restart_manager();
    sandbox.engine->holds = false;
    CHECK(world.wait(created.session.id, State::ready).state == State::ready);
    CHECK(world.run(world.run_command(created.session.id, "next")).status == 200);
    // It was not sent again.
    CHECK(sandbox.engine->ran == std::vector<std::string>{"/run?command=lost", "/run?command=next"});
}

TEST_CASE("one that works on a request of the manager before is busy until that ends, and not hung") {
    World world([](policy::Site&, Tuning& tuning) {
        tuning.health_interval = 20ms;
        tuning.probe_timeout = 20ms;
    });
    const Created created = world.ready();
    const std::string& id = created.session.id;
    FakeSandbox& sandbox = world.launcher->sandbox(id);
    sandbox.engine->holds = sandbox.engine->blocks = true;
    const auto lost = world.start(world.run_command(id, "long"));
    world.until([&] { return sandbox.engine->ran.size() == 1; }, "the engine gets it");
    world.restart_manager();
    CHECK(world.wait(id, State::busy).state == State::busy);
    const auto next = world.start(world.run_command(id, "next"));
    const auto since = BootClock::now();
    world.until([&] { return BootClock::now() - since > 300ms; }, "many looks go by");
    CHECK(world.state(id) == State::busy);
    CHECK_FALSE(next->done());
    sandbox.engine->holds = false;
    sandbox.engine->changed.notify();
    CHECK(world.finish(next).status == 200);
    CHECK(sandbox.engine->ran == std::vector<std::string>{"/run?command=long", "/run?command=next"});
    CHECK((*world.launcher)->restarts.empty());
    world.wait(id, State::ready);
}

TEST_CASE("a request of the manager before that runs for too long is a hang") {
    World world;
    const Created created = world.ready("acme", "impatient_sturdy");
    FakeSandbox& sandbox = world.launcher->sandbox(created.session.id);
    sandbox.engine->holds = sandbox.engine->blocks = true;
    const auto lost = world.start(world.run_command(created.session.id, "forever"));
    world.until([&] { return sandbox.engine->ran.size() == 1; }, "the engine gets it");
    world.restart_manager();
    (*world.launcher)->on_restarted = [](FakeSandbox& again) { again.engine->holds = false; };
    world.until([&] { return !(*world.launcher)->restarts.empty(); }, "it is started again");
    CHECK_THAT(world.wait(created.session.id, State::ready).restart_reason,
               Catch::Contains("earlier manager"));
}

TEST_CASE("the second create with a key is the same session with the same token, also at the next manager") {
    World world;
    CreateRequest request;
    request.tenant = "acme";
    request.policy = "quick";
    request.repeat = IdempotencyKey{"tenant acme", "key", "fingerprint"};
    const Created first = world.run(world.manager().create(request));
    world.wait(first.session.id, State::ready);
    world.restart_manager();
    const Created second = world.run(world.manager().create(request));
    CHECK(second.repeated);
    CHECK(second.session.id == first.session.id);
    CHECK(second.token == first.token);
    CHECK(world.manager().list().size() == 1);
    request.repeat->fingerprint = "another";
    CHECK(error_of([&] { world.run(world.manager().create(request)); }).code() == Errc::conflict);
}

TEST_CASE("a request that comes before the launcher has said what there is waits for it") {
    World world;
    const Created created = world.ready();
    world.launcher->stop_listening();
    world.launcher->disconnect();
    world.restart_manager();
    CHECK(world.state(created.session.id) == State::recovering);
    const auto answer = world.start(world.run_command(created.session.id, "version"));
    world.settle();
    CHECK_FALSE(answer->done());
    world.launcher->listen();
    CHECK(world.finish(answer).status == 200);
}

TEST_CASE("one that was not made yet is made by the next manager, with the token that its client has") {
    World world;
    (*world.launcher)->holds_launches = true;
    const Created created = world.create();
    world.until([&] { return (*world.launcher)->launches.size() == 1; }, "the launch has come");
    bool made = false;
    SECTION("the launch was lost") {
        (*world.launcher)->refuse_launch = [](const protocol::Launch&) {
            return std::optional(protocol::Failure{Errc::io, "nobody hears this", {}, {}});
        };
    }
    SECTION("the sandbox was made after all") {
        made = true;
    }
    world.stop_manager();
    (*world.launcher)->holds_launches = false;
    (*world.launcher)->changed.notify();
    world.settle();
    (*world.launcher)->refuse_launch = nullptr;
    REQUIRE((*world.launcher)->sandboxes.size() == (made ? 1 : 0));
    world.restart_manager();
    CHECK(world.wait(created.session.id, State::ready).state == State::ready);
    CHECK(world.manager().token_matches(created.session.id, created.token));
    CHECK((*world.launcher)->launches.size() == (made ? 1 : 2));
    CHECK((*world.launcher)->sandboxes.size() == 1);
}

TEST_CASE("how a session ended is told by later managers too") {
    World world;
    const Created created = world.ready();
    FakeSandbox& sandbox = world.launcher->sandbox(created.session.id);
    sandbox.write("log/stdout.0", "its last words\xff\n");
    sandbox.ended.oom_kills = 2;
    sandbox.ended.memory_peak = 5_MiB;
    sandbox.ended.cpu_microseconds = 1'500'000;
    sandbox.engine_ends({.run = 1, .exit_status = {}, .signal = 9, .runtime_milliseconds = 1});
    const SessionView before = world.ended(created.session.id);
    world.restart_manager();
    world.restart_manager();
    const SessionView after = world.manager().get(created.session.id);
    REQUIRE(after.end.has_value());
    CHECK(after.end->reason == EndReason::oom);
    CHECK(after.health.status == before.health.status);
    CHECK(after.end->signal == 9);
    CHECK(after.end->memory_peak == 5_MiB);
    CHECK(after.end->cpu_seconds == 1.5);
    CHECK(after.end->at == before.end->at);
    CHECK(after.end->message == before.end->message);
    CHECK_THAT(after.end->log_tail, Catch::Contains("its last words"));
    CHECK(world.manager().token_matches(created.session.id, created.token));
    CHECK(error_of([&] { world.run(world.run_command(created.session.id, "x")); }).code() == Errc::gone);
}

TEST_CASE("killed while it ends a session: the next one ends it, for the same reason") {
    World world;
    const Created created = world.ready();
    (*world.launcher)->holds_ends = true;
    const auto removed = world.start(world.manager().remove(created.session.id, {}));
    world.until([&] { return was_ended(world, created.session.id); }, "the launcher is told");
    world.stop_manager();
    SECTION("before the launcher had done it") {}
    SECTION("after the launcher had done it") {
        (*world.launcher)->holds_ends = false;
        (*world.launcher)->changed.notify();
        world.settle();
        CHECK((*world.launcher)->sandboxes.empty());
    }
    (*world.launcher)->holds_ends = false;
    (*world.launcher)->changed.notify();
    world.restart_manager();
    const SessionView view = world.ended(created.session.id);
    CHECK(view.end->reason == EndReason::deleted);
    CHECK(view.end->exit_status == 0); // of its last figures, kept for that
    world.until([&] { return (*world.launcher)->last_words.empty(); }, "they are forgotten");
    CHECK((*world.launcher)->sandboxes.empty());
}

TEST_CASE("what happened while no manager was there is told as it was") {
    World world;
    const std::string id = world.ready().session.id;
    world.stop_manager();
    std::optional<EndReason> reason;
    SECTION("ChimeraX exited") {
        world.launcher->sandbox(id).engine_ends(
            {.run = 1, .exit_status = 7, .signal = {}, .runtime_milliseconds = 1});
        reason = EndReason::exited;
    }
    SECTION("it died of a signal, and a new launcher has swept it") {
        protocol::Ended ended = world.launcher->sandbox(id).ended;
        ended.record =
            protocol::ExitRecord{.run = 1, .exit_status = {}, .signal = 11, .runtime_milliseconds = 1};
        (*world.launcher)->sandboxes.erase(id);
        (*world.launcher)->last_words.emplace(id, ended);
        reason = EndReason::signalled;
    }
    SECTION("it is gone, and nothing tells how") {
        (*world.launcher)->sandboxes.erase(id);
        reason = EndReason::orphaned;
    }
    world.restart_manager();
    CHECK(world.ended(id).end->reason == reason);
    CHECK((*world.launcher)->sandboxes.empty());
    CHECK(world.ready().session.state == State::ready);
}

TEST_CASE("after a restart of the host, all that lived has ended with it") {
    World world;
    (*world.launcher)->holds_launches = true;
    const std::string queued = world.create().session.id;
    (*world.launcher)->holds_launches = false;
    (*world.launcher)->changed.notify();
    const Created running = world.ready();
    const std::string before = world.ready().session.id;
    world.run(world.manager().remove(before, {}));
    change_store(world, [](SessionRecord& record) { record.boot_id = "an earlier one"; });
    (*world.launcher)->sandboxes.clear();
    world.restart_manager();
    for (const std::string& id : {queued, running.session.id}) {
        const SessionView view = world.ended(id);
        REQUIRE(view.end.has_value());
        CHECK(view.end->reason == EndReason::host_restarted);
    }
    CHECK(world.manager().get(before).end->reason == EndReason::deleted);
    CHECK(world.manager().token_matches(running.session.id, running.token));
    // Its slots are free, and this outlives the next restart.
    CHECK(world.ready().session.state == State::ready);
    world.restart_manager();
    CHECK(world.manager().get(running.session.id).end->reason == EndReason::host_restarted);
}

TEST_CASE("a frozen session is taken over frozen, and a request thaws it") {
    World world;
    const std::string id = world.ready().session.id;
    world.run(world.manager().set_frozen(id, true));
    world.launcher->sandbox(id).write("cgroup.freeze", "1\n");
    world.restart_manager();
    CHECK(world.wait(id, State::frozen).state == State::frozen);
    CHECK(world.run(world.run_command(id, "version")).status == 200);
    CHECK((*world.launcher)->freezes.back().frozen == false);
}

TEST_CASE("a session that cannot be stored is not made, and those that run go on") {
    World world;
    const Created running = world.ready();
    world.settle();
    limit_file_size(1024);
    const Error error = error_of([&] { world.create(); });
    CHECK(error.code() == Errc::unavailable);
    CHECK(world.run(world.run_command(running.session.id, "version")).status == 200);
    limit_file_size(RLIM_INFINITY);
    CHECK(world.ready().session.state == State::ready);
}
