#pragma once

#include "manager/store/api_tokens.hpp"
#include "manager/store/session_record.hpp"
#include "sandbox/manager/day_usage.hpp"

#include <memory>
#include <string>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace sandbox::manager {

/// What is to be written together.
struct StoreBatch {
    std::vector<SessionRecord> put;  ///< replaces what there is of these sessions
    std::vector<std::string> forget; ///< ids
    std::vector<TokenRecord> put_tokens = {};
    std::vector<std::string> forget_tokens = {};
    std::vector<DayUsage> put_usage = {};
    std::string forget_usage_before = {}; ///< that day; empty: none

    bool empty() const {
        return put.empty() && forget.empty() && put_tokens.empty() && forget_tokens.empty() &&
               put_usage.empty() && forget_usage_before.empty();
    }
};

/// The sessions that live and those that have ended, the API tokens and the tenants' usage, in a SQLite file
/// (WAL, synchronous=FULL: what is written survives the loss of power). One program at a time has it open.
/// Not for several threads at once.
class SessionStore {
  public:
    /// Opens or makes it, checks it (PRAGMA quick_check) and brings it to this release's schema. A damaged
    /// one is set aside as `PATH.damaged-TIME`, and an empty one takes its place. Throws Error unavailable
    /// when another program has it and does not leave within `patience`, unsupported when a newer release has
    /// written it, io for the rest.
    explicit SessionStore(std::string path, Duration patience = std::chrono::seconds(10));
    ~SessionStore();
    SessionStore(const SessionStore&) = delete;
    SessionStore& operator=(const SessionStore&) = delete;

    /// In the order of their making. One that cannot be read is left out, and said in the log.
    std::vector<SessionRecord> load();

    std::vector<TokenRecord> load_tokens();
    std::vector<DayUsage> load_usage();

    /// All of it or nothing. Throws Error io.
    void write(const StoreBatch& batch);

    /// A copy as of now, by SQLite's online backup (sqlite.org/backup.html), without sessions that have
    /// not started: where it is restored, nobody waits for them. Throws Error.
    void copy_to(const std::string& path);

    /// The name under which a damaged one was set aside; empty for none.
    const std::string& set_aside() const { return set_aside_; }

  private:
    struct CloseDatabase {
        void operator()(sqlite3* database) const;
    };
    using Database = std::unique_ptr<sqlite3, CloseDatabase>;

    Database open();
    void prepare();
    void execute(const char* sql);
    void migrate();
    int version();

    const std::string path_;
    const Duration patience_;
    std::string set_aside_;
    Database database_;
};

} // namespace sandbox::manager
