#pragma once

#include "manager/audit/audit_file.hpp"
#include "manager/store/session_store.hpp"
#include "sandbox/async/notifier.hpp"
#include "sandbox/manager/audit.hpp"

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace sandbox::manager {

/// Writes to the store and to the audit trail from a thread of its own, so that no disk delays a request:
/// whatever comes while one transaction is under way goes into the next, all of it together. The trail is
/// written first: what the store knows of a session, the trail has too.
///
/// What cannot be written (a full disk) is kept, and tried again until it can: the newest record of each
/// session, and of the trail as many lines as kMostAuditBytes holds.
class StoreThread {
  public:
    static constexpr std::size_t kMostAuditBytes = 16 * 1024 * 1024;

    StoreThread(boost::asio::io_context& io, const std::string& path, AuditFile audit);
    ~StoreThread();
    StoreThread(const StoreThread&) = delete;
    StoreThread& operator=(const StoreThread&) = delete;

    /// What an earlier manager left. Once, before the first write.
    std::vector<SessionRecord> load();
    std::vector<TokenRecord> load_tokens();
    std::vector<DayUsage> load_usage();

    /// The newest record of a session counts.
    void put(SessionRecord record);
    /// Both or neither: the record says how much of it the account has.
    void put(SessionRecord record, DayUsage account);
    void forget_usage_before(std::string day);
    void forget(std::string id);
    void put_token(TokenRecord record);
    void forget_token(std::string id);
    /// A line of the audit trail, which `committed` does not wait for unless a record comes with it.
    void note(const AuditEntry& entry);
    AuditCounts audit_counts() const;
    /// Returns when all lines until now are on the disk, or cannot be written now: nobody is held up by a
    /// full disk.
    boost::asio::awaitable<void> noted();

    /// Makes a whole and consistent copy of the store as a new file. Throws Error.
    boost::asio::awaitable<void> copy_to(std::string path);

    /// Returns when all that was put until now is on the disk. Throws Error unavailable when the last try to
    /// write it failed.
    boost::asio::awaitable<void> committed();

    /// Writes what is left, once, and closes the file. Nothing is written after that.
    void close();

  private:
    struct State;
    struct Copy;
    class Thread;
    std::shared_ptr<State> state_;
    std::unique_ptr<Thread> thread_;
};

} // namespace sandbox::manager
