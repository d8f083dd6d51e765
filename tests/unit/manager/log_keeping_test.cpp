#include "world.hpp"

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

using namespace sandbox;
using namespace sandbox::manager;
using sandbox::test::error_of;
using sandbox::test::World;

namespace {

std::string read_all(World& world, const std::string& id, const std::string& stream = "stdout") {
    const Manager::OpenedLog log = world.manager().open_log(id, stream, 1 << 24);
    std::string all;
    for (std::string piece = log.next_piece(); !piece.empty(); piece = log.next_piece())
        all += piece;
    return all;
}

LogFate fate(World& world, const std::string& id) {
    const SessionView view = world.manager().get(id);
    REQUIRE(view.end.has_value());
    REQUIRE(view.end->log.has_value());
    return view.end->log->fate;
}

void write_log(World& world, const std::string& id, const std::string& text) {
    world.launcher->sandbox(id).write("log/stdout.0", text);
}

} // namespace

TEST_CASE("the log of a session that ends is kept, with what came during the grace") {
    World world;
    const Created created = world.ready();
    const std::string id = created.session.id;
    write_log(world, id, "a line\n");
    world.launcher->sandbox(id).write("log/stderr.0", "a warning\n");
    (*world.launcher)->refuse_end = [&](const protocol::End&) -> std::optional<protocol::Failure> {
        write_log(world, id, "a line\nlast words\n");
        return std::nullopt;
    };
    const SessionView view = world.run(world.manager().remove(id, {}));
    REQUIRE(view.end->log.has_value());
    CHECK(view.end->log->fate == LogFate::kept);
    CHECK(view.end->log->bytes.value == 28);
    CHECK(view.end->log->until == view.end->at + std::chrono::hours(7 * 24));
    CHECK(read_all(world, id) == "a line\nlast words\n");
    CHECK(read_all(world, id, "stderr") == "a warning\n");
    world.until([&] { return (*world.launcher)->last_words.empty(); }, "the launcher may forget it");
    CHECK(read_all(world, id) == "a line\nlast words\n");
}

TEST_CASE("a follower gets what came during the grace, though the log has gone") {
    World world;
    const Created created = world.ready();
    const std::string id = created.session.id;
    write_log(world, id, "a line\n");
    const Manager::OpenedLog log = world.manager().open_log(id, "stdout", 100);
    CHECK(log.next_piece() == "a line\n");
    (*world.launcher)->refuse_end = [&](const protocol::End&) -> std::optional<protocol::Failure> {
        write_log(world, id, "a line\nlast words\n");
        return std::nullopt;
    };
    world.run(world.manager().remove(id, {}));
    world.until([&] { return (*world.launcher)->last_words.empty(); }, "the launcher has removed it");
    CHECK(log.read_new() == "last words\n");
}

TEST_CASE("the next manager knows the logs that are kept, and how long") {
    World world;
    const Created created = world.ready();
    write_log(world, created.session.id, "a line\n");
    const SessionView before = world.run(world.manager().remove(created.session.id, {}));
    world.restart_manager();
    CHECK(world.manager().get(created.session.id).end->log == before.end->log);
    CHECK(read_all(world, created.session.id) == "a line\n");
}

TEST_CASE("killed while it ends a session: the next manager keeps the log, though the sandbox is gone") {
    World world;
    const Created created = world.ready();
    const std::string id = created.session.id;
    write_log(world, id, "last words\n");
    (*world.launcher)->holds_ends = true;
    const auto removed = world.start(world.manager().remove(id, {}));
    world.until([&] { return (*world.launcher)->ends.size() == 1; }, "the end has come");
    world.stop_manager();
    (*world.launcher)->holds_ends = false;
    (*world.launcher)->changed.notify();
    world.until([&] { return (*world.launcher)->sandboxes.empty(); }, "the launcher has ended it");
    world.restart_manager();
    CHECK(world.ended(id).end->reason == EndReason::deleted);
    CHECK(fate(world, id) == LogFate::kept);
    CHECK(read_all(world, id) == "last words\n");
}

TEST_CASE("a copy of which no record tells is gone after the next start") {
    World world;
    const Created created = world.ready();
    write_log(world, created.session.id, "a line\n");
    world.run(world.manager().remove(created.session.id, {}));
    const auto folder = world.dir.path / "state/manager/logs";
    std::ofstream(folder / "aaaaaaaaaaaaaaaa.stdout") << "nobody's";
    world.restart_manager();
    world.until([&] { return !std::filesystem::exists(folder / "aaaaaaaaaaaaaaaa.stdout"); }, "it goes");
    CHECK(std::filesystem::exists(folder / (created.session.id + ".stdout")));
}

TEST_CASE("a log goes with the record of its session") {
    World world([](policy::Site&, Tuning& tuning) { tuning.ended_kept = 1; });
    const Created first = world.ready(), second = world.ready();
    write_log(world, first.session.id, "first\n");
    write_log(world, second.session.id, "second\n");
    world.run(world.manager().remove(first.session.id, {}));
    const auto file = world.dir.path / "state/manager/logs" / (first.session.id + ".stdout");
    CHECK(std::filesystem::exists(file));
    world.run(world.manager().remove(second.session.id, {}));
    world.until([&] { return !std::filesystem::exists(file); }, "it goes");
    CHECK(read_all(world, second.session.id) == "second\n");
}

TEST_CASE("one tenant's logs push out none of another's, and their sessions say what became of them") {
    World world([](policy::Site& site, Tuning&) { site.logs.size_per_tenant = Bytes{1000}; });
    const Created other = world.ready("globex");
    write_log(world, other.session.id, std::string(400, 'x'));
    world.run(world.manager().remove(other.session.id, {}));
    std::vector<std::string> ids;
    for (int i = 0; i < 3; ++i) {
        ids.push_back(world.ready().session.id);
        write_log(world, ids.back(), std::string(400, 'x'));
        world.run(world.manager().remove(ids.back(), {}));
    }
    CHECK(fate(world, other.session.id) == LogFate::kept);
    CHECK(fate(world, ids[0]) == LogFate::dropped);
    CHECK(fate(world, ids[1]) == LogFate::kept);
    CHECK(fate(world, ids[2]) == LogFate::kept);
    CHECK(error_of([&] { world.manager().open_log(ids[0], "stdout", 1); }).code() == Errc::gone);
}

TEST_CASE("a site that keeps no logs says so, and ends sessions as ever") {
    World world([](policy::Site& site, Tuning&) { site.logs.keep.reset(); });
    const Created created = world.ready();
    write_log(world, created.session.id, "a line\n");
    world.run(world.manager().remove(created.session.id, {}));
    CHECK(fate(world, created.session.id) == LogFate::off);
}

TEST_CASE("a session that never ran has no log, and none is spoken of") {
    World world;
    (*world.launcher)->refuse_launch = [](const protocol::Launch&) {
        return protocol::Failure{Errc::unsupported, "no way", "", ""};
    };
    const Created created = world.create();
    const SessionView view = world.ended(created.session.id);
    CHECK(view.end->reason == EndReason::launch_failed);
    CHECK_FALSE(view.end->log.has_value());
    CHECK(error_of([&] { world.manager().open_log(created.session.id, "stdout", 1); }).code() == Errc::gone);
}
