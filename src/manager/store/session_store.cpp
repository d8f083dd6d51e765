#include "manager/store/session_store.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>

#include <sqlite3.h>

namespace sandbox::manager {
namespace {

/// Step n brings a file of version n to n + 1. What has been released is never changed.
constexpr std::array kMigrations{
    "CREATE TABLE sessions ("
    " number INTEGER PRIMARY KEY AUTOINCREMENT," // the order of their making
    " id TEXT NOT NULL UNIQUE,"
    " tenant TEXT NOT NULL,"
    " policy TEXT NOT NULL,"
    " state TEXT NOT NULL,"
    " created_at INTEGER NOT NULL," // milliseconds since 1970, as ended_at
    " ended_at INTEGER,"
    " reason TEXT,"
    " cpu_seconds REAL,"
    " memory_peak_bytes INTEGER,"
    " record TEXT NOT NULL);"
    "CREATE INDEX sessions_by_tenant ON sessions (tenant, ended_at);",

    "CREATE TABLE tokens ("
    " id TEXT PRIMARY KEY,"
    " hash TEXT NOT NULL UNIQUE," // of 256 random bits: who reads it can do nothing with it
    " role TEXT NOT NULL,"
    " tenant TEXT NOT NULL,"
    " session TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " made_by TEXT NOT NULL,"
    " created_at INTEGER NOT NULL," // milliseconds since 1970, as those that follow
    " expires_at INTEGER NOT NULL,"
    " last_used_at INTEGER,"
    " revoked_at INTEGER) WITHOUT ROWID;",

    "CREATE TABLE usage ("
    " tenant TEXT NOT NULL,"
    " day TEXT NOT NULL," // of UTC, as 2026-01-31
    " sessions INTEGER NOT NULL,"
    " session_seconds REAL NOT NULL,"
    " cpu_us INTEGER NOT NULL,"
    " memory_byte_seconds REAL,"
    " PRIMARY KEY (tenant, day)) WITHOUT ROWID;",
};

constexpr const char* kPut =
    "INSERT INTO sessions (id, tenant, policy, state, created_at, ended_at, reason, cpu_seconds,"
    " memory_peak_bytes, record) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
    " ON CONFLICT (id) DO UPDATE SET state = ?4, ended_at = ?6, reason = ?7, cpu_seconds = ?8,"
    " memory_peak_bytes = ?9, record = ?10";

constexpr const char* kPutToken = "INSERT INTO tokens (id, hash, role, tenant, session, name, made_by, "
                                  "created_at, expires_at, last_used_at,"
                                  " revoked_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
                                  " ON CONFLICT (id) DO UPDATE SET last_used_at = ?10, revoked_at = ?11";

constexpr const char* kPutUsage =
    "INSERT OR REPLACE INTO usage (tenant, day, sessions, session_seconds, cpu_us,"
    " memory_byte_seconds) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

std::int64_t milliseconds(WallTime time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

/// Damage, as opposed to a disk that is full or a file that somebody else has.
bool is_damage(int code) {
    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

class Damaged : public Error {
  public:
    using Error::Error;
};

[[noreturn]] void fail(sqlite3* database, int code, const std::string& what) {
    const std::string text =
        what + ": " + (database != nullptr ? ::sqlite3_errmsg(database) : ::sqlite3_errstr(code));
    code &= 0xff; // the primary result code (sqlite.org/rescode.html)
    if (is_damage(code))
        throw Damaged(Errc::io, text);
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
        throw Error(Errc::unavailable, text, "Another sandboxd has it open: let that one end first.");
    if (code == SQLITE_FULL)
        throw Error(Errc::io, text, "Make room on its disk.");
    throw Error(Errc::io, text,
                "See whether its folder is writable for the manager's user, and the disk sound.");
}

class Statement {
  public:
    Statement(sqlite3* database, const char* sql) : database_(database) {
        const int code = ::sqlite3_prepare_v2(database, sql, -1, &statement_, nullptr);
        if (code != SQLITE_OK)
            fail(database, code, "the store of sessions");
    }
    ~Statement() { ::sqlite3_finalize(statement_); }
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    // Texts must live until the next reset.
    void bind(int place, const std::string& text) {
        ::sqlite3_bind_text(statement_, place, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
    }
    void bind(int place, std::string_view text) {
        ::sqlite3_bind_text(statement_, place, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
    }
    void bind(int place, std::int64_t number) { ::sqlite3_bind_int64(statement_, place, number); }
    void bind(int place, double number) { ::sqlite3_bind_double(statement_, place, number); }

    /// False: no row is left.
    bool step() {
        const int code = ::sqlite3_step(statement_);
        if (code != SQLITE_ROW && code != SQLITE_DONE)
            fail(database_, code, "the store of sessions");
        return code == SQLITE_ROW;
    }
    /// For the next row of values; what is not bound again is NULL.
    void reset() {
        ::sqlite3_reset(statement_);
        ::sqlite3_clear_bindings(statement_);
    }
    std::string text(int column) const {
        const auto* bytes = static_cast<const char*>(::sqlite3_column_blob(statement_, column));
        return bytes == nullptr
                   ? std::string()
                   : std::string(bytes, static_cast<std::size_t>(::sqlite3_column_bytes(statement_, column)));
    }

    bool is_null(int column) const { return ::sqlite3_column_type(statement_, column) == SQLITE_NULL; }
    std::int64_t integer(int column) const { return ::sqlite3_column_int64(statement_, column); }
    double real(int column) const { return ::sqlite3_column_double(statement_, column); }

    std::optional<WallTime> time(int column) const {
        if (is_null(column))
            return std::nullopt;
        return WallTime(std::chrono::milliseconds(::sqlite3_column_int64(statement_, column)));
    }

  private:
    sqlite3* database_;
    sqlite3_stmt* statement_ = nullptr;
};

void put(Statement& statement, const SessionRecord& record) {
    const std::string json = to_json(record);
    const SessionView& view = record.view;
    statement.bind(1, view.id);
    statement.bind(2, view.tenant);
    statement.bind(3, view.policy);
    statement.bind(4, to_text(view.state));
    statement.bind(5, milliseconds(view.created_at));
    if (view.end) {
        statement.bind(6, milliseconds(view.end->at));
        statement.bind(7, to_text(view.end->reason));
        statement.bind(8, view.end->cpu_seconds);
        if (view.end->memory_peak)
            statement.bind(9, static_cast<std::int64_t>(view.end->memory_peak->value));
    }
    statement.bind(10, json);
    statement.step();
    statement.reset();
}

void put(Statement& statement, const TokenRecord& record) {
    const ApiToken& token = record.token;
    statement.bind(1, token.id);
    statement.bind(2, record.hash);
    statement.bind(3, to_text(token.role));
    statement.bind(4, token.tenant);
    statement.bind(5, token.session);
    statement.bind(6, token.name);
    statement.bind(7, token.made_by);
    statement.bind(8, milliseconds(token.created_at));
    statement.bind(9, milliseconds(token.expires_at));
    if (token.last_used_at)
        statement.bind(10, milliseconds(*token.last_used_at));
    if (token.revoked_at)
        statement.bind(11, milliseconds(*token.revoked_at));
    statement.step();
    statement.reset();
}

void put(Statement& statement, const DayUsage& usage) {
    statement.bind(1, usage.tenant);
    statement.bind(2, usage.day);
    statement.bind(3, static_cast<std::int64_t>(usage.sessions));
    statement.bind(4, usage.session_seconds);
    statement.bind(5, static_cast<std::int64_t>(usage.cpu.count()));
    if (usage.memory_byte_seconds)
        statement.bind(6, *usage.memory_byte_seconds);
    statement.step();
    statement.reset();
}

void forget(Statement statement, const std::vector<std::string>& ids) {
    for (const std::string& id : ids) {
        statement.bind(1, id);
        statement.step();
        statement.reset();
    }
}

} // namespace

void SessionStore::CloseDatabase::operator()(sqlite3* database) const {
    ::sqlite3_close(database);
}

SessionStore::SessionStore(std::string path, Duration patience)
    : path_(std::move(path)),
      patience_(patience) {
    try {
        prepare();
    } catch (const Damaged& error) {
        database_.reset();
        set_aside_ = path_ + ".damaged-" + format_time_in_name(std::chrono::system_clock::now());
        log::error(
            "the store " + path_ + " is damaged (" + error.what() + ") and set aside as " + set_aside_ +
            "; sessions that live are known from the launcher, those that had ended are not, and all API "
            "tokens are lost: make new ones; so is what tenants have used until now");
        std::filesystem::rename(path_, set_aside_);
        // The log of what was not yet in the file belongs to it, and to no other.
        for (const char* suffix : {"-wal", "-shm", "-journal"})
            if (std::filesystem::exists(path_ + suffix))
                std::filesystem::rename(path_ + suffix, set_aside_ + suffix);
        prepare();
    }
}

SessionStore::~SessionStore() = default;

SessionStore::Database SessionStore::open() {
    sqlite3* raw = nullptr;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    const int code = ::sqlite3_open_v2(path_.c_str(), &raw, flags, nullptr);
    Database database(raw);
    if (code != SQLITE_OK)
        fail(raw, code, "cannot open " + path_);
    return database;
}

void SessionStore::prepare() {
    database_ = open();
    ::sqlite3_busy_timeout(database_.get(), static_cast<int>(patience_.count()));
    // Exclusive: held for as long as it is open, and gone with the process, however that ends.
    execute("PRAGMA locking_mode = EXCLUSIVE");
    execute("PRAGMA journal_mode = WAL");
    execute("PRAGMA synchronous = FULL");
    Statement check(database_.get(), "PRAGMA quick_check(1)");
    if (!check.step() || check.text(0) != "ok")
        throw Damaged(Errc::io, "its quick_check says: " + check.text(0));
    migrate();
}

void SessionStore::execute(const char* sql) {
    const int code = ::sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK)
        fail(database_.get(), code, path_);
}

int SessionStore::version() {
    Statement statement(database_.get(), "PRAGMA user_version");
    return statement.step() ? std::stoi(statement.text(0)) : 0;
}

void SessionStore::migrate() {
    const int found = version();
    if (found > static_cast<int>(kMigrations.size())) {
        throw Error(
            Errc::unsupported,
            path_ + " has version " + std::to_string(found) + ", and this release knows up to " +
                std::to_string(kMigrations.size()),
            "Use the release that wrote it, or move the file away: sessions that live are then known from "
            "the launcher.");
    }
    // Also with nothing to do: it takes the lock now, not with the first session.
    execute("BEGIN IMMEDIATE");
    for (std::size_t step = static_cast<std::size_t>(found); step < kMigrations.size(); ++step)
        execute(kMigrations.at(step));
    execute(("PRAGMA user_version = " + std::to_string(kMigrations.size())).c_str());
    execute("COMMIT");
}

std::vector<SessionRecord> SessionStore::load() {
    std::vector<SessionRecord> records;
    Statement statement(database_.get(), "SELECT id, record FROM sessions ORDER BY number");
    while (statement.step()) {
        try {
            records.push_back(record_from_json(statement.text(1)));
        } catch (const Error& error) {
            log::error({.session = statement.text(0)},
                       "the store's session " + statement.text(0) + " is left out: " + error.what());
        }
    }
    return records;
}

std::vector<TokenRecord> SessionStore::load_tokens() {
    std::vector<TokenRecord> records;
    Statement row(database_.get(), "SELECT id, hash, role, tenant, session, name, made_by, created_at,"
                                   " expires_at, last_used_at, revoked_at FROM tokens");
    while (row.step()) {
        const auto role = token_role_from_text(row.text(2));
        if (!role || !row.time(7) || !row.time(8)) {
            log::error({row.text(4), row.text(3)},
                       "the store's token " + row.text(0) + " is left out: it is not a token");
            continue;
        }
        records.push_back({{.id = row.text(0),
                            .role = *role,
                            .tenant = row.text(3),
                            .session = row.text(4),
                            .name = row.text(5),
                            .made_by = row.text(6),
                            .created_at = *row.time(7),
                            .expires_at = *row.time(8),
                            .last_used_at = row.time(9),
                            .revoked_at = row.time(10)},
                           row.text(1)});
    }
    return records;
}

std::vector<DayUsage> SessionStore::load_usage() {
    std::vector<DayUsage> accounts;
    Statement row(database_.get(),
                  "SELECT tenant, day, sessions, session_seconds, cpu_us, memory_byte_seconds FROM usage");
    while (row.step()) {
        DayUsage account{.tenant = row.text(0),
                         .day = row.text(1),
                         .sessions = static_cast<std::uint64_t>(row.integer(2)),
                         .session_seconds = row.real(3),
                         .cpu = std::chrono::microseconds(row.integer(4)),
                         .memory_byte_seconds = {}};
        if (!row.is_null(5))
            account.memory_byte_seconds = row.real(5);
        accounts.push_back(std::move(account));
    }
    return accounts;
}

void SessionStore::copy_to(const std::string& path) {
    sqlite3* raw = nullptr;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    const int opened = ::sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
    const Database copy(raw);
    if (opened != SQLITE_OK)
        fail(raw, opened, "cannot open " + path);
    sqlite3_backup* backup = ::sqlite3_backup_init(raw, "main", database_.get(), "main");
    if (backup == nullptr)
        fail(raw, ::sqlite3_errcode(raw), "cannot copy to " + path);
    // In one step: this thread alone writes, so nothing waits for it but other writes.
    ::sqlite3_backup_step(backup, -1);
    if (const int code = ::sqlite3_backup_finish(backup); code != SQLITE_OK)
        fail(raw, code, "cannot copy to " + path);
    if (const int code = ::sqlite3_exec(
            raw, "DELETE FROM sessions WHERE state IN ('queued', 'starting'); PRAGMA journal_mode = DELETE",
            nullptr, nullptr, nullptr);
        code != SQLITE_OK)
        fail(raw, code, "cannot finish " + path);
}

void SessionStore::write(const StoreBatch& batch) {
    execute("BEGIN IMMEDIATE");
    try {
        Statement statement(database_.get(), kPut);
        for (const SessionRecord& record : batch.put)
            put(statement, record);
        forget(Statement(database_.get(), "DELETE FROM sessions WHERE id = ?1"), batch.forget);
        Statement put_token(database_.get(), kPutToken);
        for (const TokenRecord& record : batch.put_tokens)
            put(put_token, record);
        forget(Statement(database_.get(), "DELETE FROM tokens WHERE id = ?1"), batch.forget_tokens);
        Statement put_usage(database_.get(), kPutUsage);
        for (const DayUsage& usage : batch.put_usage)
            put(put_usage, usage);
        if (!batch.forget_usage_before.empty())
            forget(Statement(database_.get(), "DELETE FROM usage WHERE day < ?1"),
                   {batch.forget_usage_before});
        execute("COMMIT");
    } catch (...) {
        ::sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
        throw;
    }
}

} // namespace sandbox::manager
