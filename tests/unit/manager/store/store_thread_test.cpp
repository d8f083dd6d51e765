#include "manager/store/store_thread.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "world.hpp"

#include <algorithm>
#include <csignal>
#include <optional>
#include <sstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

using namespace sandbox;
using namespace sandbox::manager;
using sandbox::test::error_of;
using sandbox::test::TempDir;
using namespace std::chrono_literals;

namespace {

struct Fixture {
    void until_committed() { until(writer->committed()); }
    void until(boost::asio::awaitable<void> what) {
        std::optional<std::exception_ptr> result;
        boost::asio::co_spawn(io, std::move(what),
                              [&](const std::exception_ptr& failure) { result = failure; });
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        while (!result && std::chrono::steady_clock::now() < deadline) {
            io.restart();
            io.run_one_for(20ms);
        }
        REQUIRE(result.has_value());
        if (*result)
            std::rethrow_exception(*result);
    }
    void put(const std::string& id, State state = State::ready) {
        SessionRecord record;
        record.view.id = id;
        record.view.state = state;
        writer->put(std::move(record));
    }
    void note(const std::string& action) {
        AuditEntry entry;
        entry.action = action;
        writer->note(entry);
    }
    /// The actions of the trail.
    std::vector<std::string> noted() const {
        std::vector<std::string> actions;
        std::istringstream lines(read_file(audit + "/audit.jsonl"));
        for (std::string line; std::getline(lines, line);)
            actions.push_back(nlohmann::json::parse(line).at("action"));
        return actions;
    }
    std::vector<SessionRecord> stored() {
        writer.reset();
        return SessionStore(path).load();
    }

    TempDir dir;
    std::string path = (dir.path / "sessions.db").string();
    boost::asio::io_context io;
    std::string audit = (dir.path / "audit").string();
    std::optional<StoreThread> writer{std::in_place, io, path, AuditFile(audit, {})};
};

void limit_file_size(rlim_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = std::min(bytes, limit.rlim_max);
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

} // namespace

TEST_CASE("committed returns when all that was put is in the file") {
    Fixture fixture;
    fixture.until_committed(); // nothing to wait for
    for (int i = 0; i < 500; ++i)
        fixture.put("session" + std::to_string(i % 100), i < 400 ? State::ready : State::frozen);
    fixture.writer->forget("session7");
    fixture.until_committed();
    const auto records = fixture.stored();
    CHECK(records.size() == 99);
    CHECK(
        std::ranges::all_of(records, [](const auto& record) { return record.view.state == State::frozen; }));
}

TEST_CASE("what was put and not waited for is written before the file is closed") {
    Fixture fixture;
    for (int i = 0; i < 50; ++i)
        fixture.put("session" + std::to_string(i));
    CHECK(fixture.stored().size() == 50);
}

TEST_CASE("after it is closed nobody waits") {
    Fixture fixture;
    fixture.writer->close();
    fixture.put("late");
    fixture.until_committed();
    CHECK(fixture.stored().empty());
}

TEST_CASE("what cannot be written is an error to who waits, and is written once it can be") {
    Fixture fixture;
    fixture.put("first");
    fixture.until_committed();
    limit_file_size(1024);
    fixture.put("second");
    fixture.put("first", State::frozen);
    const Error error = error_of([&] { fixture.until_committed(); });
    CHECK(error.code() == Errc::unavailable);
    fixture.put("first", State::ending); // newer than what failed
    limit_file_size(RLIM_INFINITY);
    fixture.until_committed();
    const auto records = fixture.stored();
    REQUIRE(records.size() == 2);
    CHECK(records[0].view.state == State::ending);
}

TEST_CASE("of a token that cannot be written the newest record is, once it can be") {
    Fixture fixture;
    TokenRecord first, second;
    first.token.id = first.hash = "first";
    second.token.id = second.hash = "second";
    fixture.writer->put_token(first);
    fixture.until_committed();
    limit_file_size(1024);
    first.token.revoked_at = WallTime(1s);
    fixture.writer->put_token(first);
    fixture.writer->put_token(second);
    CHECK(error_of([&] { fixture.until_committed(); }).code() == Errc::unavailable);
    fixture.writer->forget_token("second");
    limit_file_size(RLIM_INFINITY);
    fixture.until_committed();
    fixture.writer.reset();
    const auto records = SessionStore(fixture.path).load_tokens();
    REQUIRE(records.size() == 1);
    CHECK(records[0].token.revoked_at == WallTime(1s));
}

TEST_CASE("what the store has of a session, the trail has too") {
    Fixture fixture;
    for (int i = 0; i < 100; ++i) {
        fixture.note("step " + std::to_string(i));
        fixture.put("session", State::ready);
        if (i % 10 == 9) {
            fixture.until_committed();
            CHECK(fixture.noted().size() == static_cast<std::size_t>(i + 1));
        }
    }
    CHECK(fixture.noted().front() == "step 0");
    CHECK(fixture.noted().back() == "step 99");
}

TEST_CASE("a trail that cannot be written loses no line, and keeps no session from being stored") {
    Fixture fixture;
    AuditEntry before;
    before.action = "before";
    before.detail = std::string(512 * 1024, 'x');
    fixture.writer->note(before);
    fixture.put("session");
    fixture.until_committed();
    limit_file_size(512 * 1024); // the trail is as large already, and the store's log is not
    for (int i = 0; i < 2000; ++i)
        fixture.note("during " + std::to_string(i));
    fixture.put("session", State::frozen);
    fixture.until_committed();
    CHECK(fixture.noted() == std::vector<std::string>{"before"});
    limit_file_size(RLIM_INFINITY);
    fixture.note("after");
    CHECK(fixture.stored().at(0).view.state == State::frozen); // closes it, which writes what is left
    const auto noted = fixture.noted();
    REQUIRE(noted.size() == 2002);
    CHECK(noted.at(1) == "during 0");
    CHECK(noted.at(2000) == "during 1999");
    CHECK(noted.back() == "after");
}

TEST_CASE("lines that find no room in memory are counted in the trail") {
    Fixture fixture;
    fixture.put("session");
    fixture.until_committed();
    limit_file_size(1);
    AuditEntry entry;
    entry.action = "large";
    entry.detail = std::string(1024 * 1024, 'x');
    for (int i = 0; i < 20; ++i)
        fixture.writer->note(entry);
    limit_file_size(RLIM_INFINITY);
    fixture.writer->close();
    const auto noted = fixture.noted();
    const auto large = std::ranges::count(noted, "large");
    CHECK(large >= 14);
    CHECK(large < 20);
    CHECK(std::ranges::count(noted, "audit.lost") == 1);
}

TEST_CASE(
    "the gap in a trail is told once, with how many lines, from when to when, however often it was tried") {
    Fixture fixture;
    fixture.note("before");
    fixture.until(fixture.writer->noted());
    CHECK(fixture.noted() == std::vector<std::string>{"before"});
    limit_file_size(1);
    AuditEntry entry;
    entry.action = "large";
    entry.detail = std::string(1024 * 1024, 'x');
    for (const int tries : {1, 2, 3}) {
        CAPTURE(tries);
        for (int i = 0; i < 20; ++i)
            fixture.writer->note(entry);
        const std::uint64_t errors = fixture.writer->audit_counts().errors;
        while (fixture.writer->audit_counts().errors == errors)
            fixture.io.restart(), fixture.io.run_one_for(20ms);
        fixture.until(fixture.writer->noted()); // which cannot be: nobody waits for it
    }
    limit_file_size(RLIM_INFINITY);
    while (fixture.writer->audit_counts().lines < 2)
        fixture.io.restart(), fixture.io.run_one_for(20ms);
    fixture.note("after");
    fixture.writer->close();
    const auto noted = fixture.noted();
    const auto large = static_cast<std::uint64_t>(std::ranges::count(noted, "large"));
    CHECK(std::ranges::count(noted, "audit.lost") == 1);
    CHECK(noted.back() == "after");
    std::istringstream lines(read_file(fixture.audit + "/audit.jsonl", 64 << 20));
    for (std::string line; std::getline(lines, line);) {
        const auto told = nlohmann::json::parse(line);
        if (told["action"] != "audit.lost")
            continue;
        CHECK(told["outcome"] == std::to_string(60 - large));
        const std::string detail = told["detail"];
        CHECK(detail.starts_with(std::to_string(60 - large) + " lines from 20"));
        CHECK(detail.find("Z to 20") != std::string::npos);
    }
    fixture.io.restart();
    fixture.io.poll();
    CHECK(fixture.writer->audit_counts().lost == 60 - large);
}

TEST_CASE("a copy of the store has what was put before it was asked for, and is no store's that is open") {
    Fixture fixture;
    for (int i = 0; i < 100; ++i)
        fixture.put("session" + std::to_string(i));
    const std::string copy = (fixture.dir.path / "copy.db").string();
    fixture.put("nobody-waits-for-it", State::queued);
    fixture.put("nor-for-this", State::starting);
    fixture.until(fixture.writer->copy_to(copy));
    CHECK(SessionStore(copy).load().size() == 100);
    fixture.put("later");
    fixture.until_committed();
    CHECK(SessionStore(copy).load().size() == 100);
    CHECK(error_of([&] { fixture.until(fixture.writer->copy_to("/nowhere/copy.db")); }).code() == Errc::io);
    CHECK(fixture.stored().size() == 103);
    fixture.writer.emplace(fixture.io, fixture.path, AuditFile(fixture.audit, {}));
    fixture.writer->close();
    CHECK(error_of([&] { fixture.until(fixture.writer->copy_to(copy)); }).code() == Errc::unavailable);
}
