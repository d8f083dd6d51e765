#include "manager/store/session_store.hpp"
#include "sandbox/base/error.hpp"
#include "world.hpp"

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <sqlite3.h>

using namespace sandbox;
using namespace sandbox::manager;
using sandbox::test::error_of;
using sandbox::test::TempDir;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

struct Folder {
    TempDir dir;
    std::string path = (dir.path / "sessions.db").string();

    std::size_t count(const std::string& prefix) const {
        std::size_t found = 0;
        for (const auto& entry : fs::directory_iterator(dir.path))
            found += entry.path().filename().string().starts_with(prefix) ? 1 : 0;
        return found;
    }
    void execute(const std::string& sql) const {
        sqlite3* database = nullptr;
        REQUIRE(::sqlite3_open(path.c_str(), &database) == SQLITE_OK);
        CHECK(::sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
        ::sqlite3_close(database);
    }
};

SessionRecord record_of(const std::string& id, State state = State::ready) {
    SessionRecord record;
    record.view.id = id;
    record.view.tenant = "acme";
    record.view.state = state;
    return record;
}

ApiToken named(const std::string& id) {
    ApiToken token;
    token.id = id;
    return token;
}

std::vector<std::string> ids_of(const std::vector<SessionRecord>& records) {
    std::vector<std::string> ids;
    for (const SessionRecord& record : records)
        ids.push_back(record.view.id);
    return ids;
}

} // namespace

TEST_CASE("records come back in the order of their making, the newest of each, and not the forgotten") {
    const Folder folder;
    {
        SessionStore store(folder.path);
        CHECK(store.load().empty());
        store.write({{record_of("c"), record_of("a"), record_of("b")}, {}});
        store.write({{record_of("c", State::frozen), record_of("d")}, {"a", "nosuch"}});
    }
    SessionStore store(folder.path);
    const std::vector<SessionRecord> records = store.load();
    CHECK(ids_of(records) == std::vector<std::string>{"c", "b", "d"});
    CHECK(records[0].view.state == State::frozen);
    CHECK(store.set_aside().empty());
}

TEST_CASE("a store that another program has open is refused, in time") {
    const Folder folder;
    const SessionStore first(folder.path);
    const Error error = error_of([&] { SessionStore(folder.path, 20ms); });
    CHECK(error.code() == Errc::unavailable);
    CHECK_THAT(error.cure(), Catch::Contains("sandboxd"));
    CHECK(folder.count("sessions.db.damaged") == 0);
}

TEST_CASE("a store that a newer release has written is left alone") {
    const Folder folder;
    { const SessionStore store(folder.path); }
    folder.execute("PRAGMA user_version = 99");
    const Error error = error_of([&] { SessionStore store(folder.path); });
    CHECK(error.code() == Errc::unsupported);
    CHECK_THAT(error.what(), Catch::Contains("99"));
    CHECK(folder.count("sessions.db.damaged") == 0);
}

TEST_CASE("a damaged store is set aside whole, and an empty one takes its place") {
    const Folder folder;
    {
        SessionStore store(folder.path);
        StoreBatch batch;
        for (int i = 0; i < 200; ++i)
            batch.put.push_back(record_of("session" + std::to_string(i)));
        store.write(batch);
    }
    SECTION("no database") {
        std::ofstream(folder.path) << std::string(10'000, 'x');
    }
    SECTION("a page in it overwritten") {
        std::fstream file(folder.path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(4096 + 8);
        file << std::string(3000, '\x55');
    }
    SECTION("cut off") {
        fs::resize_file(folder.path, 6000);
    }
    SessionStore store(folder.path);
    CHECK_FALSE(store.set_aside().empty());
    CHECK(fs::exists(store.set_aside()));
    CHECK(folder.count("sessions.db.damaged-") >= 1);
    CHECK(store.load().empty());
    store.write({{record_of("a")}, {}});
    CHECK(ids_of(store.load()) == std::vector<std::string>{"a"});
}

TEST_CASE("one record that cannot be read spoils no other") {
    const Folder folder;
    {
        SessionStore store(folder.path);
        store.write({{record_of("a"), record_of("b"), record_of("c")}, {}});
    }
    folder.execute("UPDATE sessions SET record = '{]' WHERE id = 'b'");
    SessionStore store(folder.path);
    CHECK(ids_of(store.load()) == std::vector<std::string>{"a", "c"});
}

TEST_CASE("an ended session's row has its figures in columns") {
    const Folder folder;
    SessionRecord record = record_of("a", State::ended);
    record.view.end = SessionView::End{};
    record.view.end->reason = EndReason::oom;
    record.view.end->cpu_seconds = 2.5;
    record.view.end->memory_peak = 5_MiB;
    { SessionStore(folder.path).write({{record}, {}}); }
    folder.execute(
        "CREATE TABLE proof AS SELECT 1 AS one FROM sessions WHERE reason = 'oom' AND cpu_seconds = 2.5"
        " AND memory_peak_bytes = 5242880 AND state = 'ended' AND ended_at IS NOT NULL;"
        "INSERT INTO sessions (id, tenant, policy, state, created_at, record) SELECT 'proved', '', '', '',"
        " 0, '{\"session\":{\"id\":\"proved\"}}' FROM proof");
    CHECK(ids_of(SessionStore(folder.path).load()) == std::vector<std::string>{"a", "proved"});
}

TEST_CASE("tokens come back as they were, and the forgotten ones do not") {
    const Folder folder;
    const WallTime now(1'700'000'000'123ms);
    TokenRecord full{{.id = "tok_a",
                      .role = TokenRole::session,
                      .tenant = "acme",
                      .session = "s",
                      .name = "n",
                      .made_by = "tok_0",
                      .created_at = now,
                      .expires_at = now + 1h,
                      .last_used_at = {},
                      .revoked_at = {}},
                     "hash a"};
    TokenRecord other = full;
    other.token.id = "tok_b";
    other.hash = "hash b";
    {
        SessionStore store(folder.path);
        StoreBatch batch;
        batch.put_tokens = {full, other};
        store.write(batch);
        full.token.last_used_at = now + 1min;
        full.token.revoked_at = now + 2min;
        StoreBatch next;
        next.put_tokens = {full};
        next.forget_tokens = {"tok_b", "tok_nosuch"};
        store.write(next);
    }
    const std::vector<TokenRecord> found = SessionStore(folder.path).load_tokens();
    REQUIRE(found.size() == 1);
    const ApiToken& token = found[0].token;
    CHECK(found[0].hash == "hash a");
    CHECK(token.id == "tok_a");
    CHECK(token.role == TokenRole::session);
    CHECK(token.tenant + token.session + token.name + token.made_by == "acmesntok_0");
    CHECK(token.created_at == now);
    CHECK(token.expires_at == now + 1h);
    CHECK(token.last_used_at == now + 1min);
    CHECK(token.revoked_at == now + 2min);
}

TEST_CASE("a store of the first release is brought to this one's schema, and keeps its sessions") {
    const Folder folder;
    { SessionStore(folder.path).write({{record_of("a")}, {}}); }
    folder.execute("DROP TABLE tokens; DROP TABLE usage; PRAGMA user_version = 1");
    SessionStore store(folder.path);
    CHECK(ids_of(store.load()) == std::vector<std::string>{"a"});
    CHECK(store.load_tokens().empty());
    CHECK(store.load_usage().empty());
    StoreBatch batch;
    batch.put_tokens = {{named("tok_a"), "hash"}};
    store.write(batch);
    CHECK(store.load_tokens().size() == 1);
}

TEST_CASE("a token of a role that this release does not know is left out, and holds nothing up") {
    const Folder folder;
    {
        SessionStore store(folder.path);
        StoreBatch batch;
        batch.put_tokens = {{named("tok_a"), "a"}, {named("tok_b"), "b"}};
        store.write(batch);
    }
    folder.execute("UPDATE tokens SET role = 'emperor' WHERE id = 'tok_a'");
    const std::vector<TokenRecord> found = SessionStore(folder.path).load_tokens();
    REQUIRE(found.size() == 1);
    CHECK(found[0].token.id == "tok_b");
}

TEST_CASE("accounts come back as they were, the newest of each day, and not the forgotten") {
    const Folder folder;
    const DayUsage old{.tenant = "acme",
                       .day = "2026-01-30",
                       .sessions = 1,
                       .session_seconds = 0,
                       .cpu = 1s,
                       .memory_byte_seconds = {}};
    DayUsage account{.tenant = "acme",
                     .day = "2026-01-31",
                     .sessions = 2,
                     .session_seconds = 1.5,
                     .cpu = 3s,
                     .memory_byte_seconds = {}};
    {
        SessionStore store(folder.path);
        StoreBatch batch;
        batch.put_usage = {old, account};
        store.write(batch);
        account.cpu = 7'000'001us;
        account.memory_byte_seconds = 1e12;
        StoreBatch next;
        next.put_usage = {account};
        next.forget_usage_before = "2026-01-31";
        store.write(next);
    }
    const std::vector<DayUsage> found = SessionStore(folder.path).load_usage();
    REQUIRE(found.size() == 1);
    CHECK(found[0].tenant == "acme");
    CHECK(found[0].day == "2026-01-31");
    CHECK(found[0].sessions == 2);
    CHECK(found[0].session_seconds == 1.5);
    CHECK(found[0].cpu == 7'000'001us);
    CHECK(found[0].memory_byte_seconds == 1e12);
}
