#pragma once

#include "sandbox/async/notifier.hpp"
#include "sandbox/base/duration.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/manager/session_view.hpp"
#include "sandbox/policy/site.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

namespace sandbox::manager {

/// The logs of sessions that have ended: files of the manager's own, `ID.stdout` and `ID.stderr`, within the
/// site's age and sizes. Beyond its own size a tenant loses its oldest; beyond the size of all the tenant
/// that keeps most does, so that none pushes out another's.
///
/// What the files are copied from, a tenant has written, and one disk is slow or full for all: copies are
/// made in a thread of their own, bounded in size, in turns of the tenants. An end is held up by its copy for
/// no longer than `queue` until that begins, and `copy` after that: what is not there by then is lost.
class KeptLogs : public std::enable_shared_from_this<KeptLogs> {
  public:
    struct Patience {
        Duration queue = std::chrono::seconds(60), copy = std::chrono::seconds(10);
    };
    /// Makes the folder where it is not there. No log is kept longer than `longest`. Throws Error io.
    KeptLogs(boost::asio::io_context& io, std::string folder, policy::SiteLogs limits, Duration longest,
             Patience patience);
    KeptLogs(boost::asio::io_context& io, std::string folder, policy::SiteLogs limits, Duration longest);
    ~KeptLogs();
    KeptLogs(const KeptLogs&) = delete;
    KeptLogs& operator=(const KeptLogs&) = delete;

    struct Known {
        std::string session, tenant;
        BootClock::time_point at; ///< of its end
    };
    /// Takes over what earlier managers have kept of these sessions, given in the order of their ends, and
    /// removes all else that is in the folder. Once, before the first `keep`.
    void adopt(const std::vector<Known>& sessions);

    /// What waits for the end of the session: its slot and its place, or nothing, and then its copy may stand
    /// in the queue for as long as those before it take.
    enum class HeldUp { slot, nothing };
    /// Copies both streams, the newest of each where they are larger than what a tenant may keep. Never
    /// throws for the disk: the answer says what became of it. nullopt: there is no log.
    boost::asio::awaitable<std::optional<SessionView::End::Log>>
    keep(std::string session, std::string tenant, std::string log_dir, HeldUp held_up = HeldUp::slot);
    bool has(const std::string& session) const { return entries_.contains(session); }
    /// For reading. Throws Error gone where there is none.
    UniqueFd open(const std::string& session, const std::string& stream) const;
    void forget(const std::string& session);

    /// Those that are too old by then go.
    void drop_old(BootClock::time_point now);
    /// Other limits, in force at once.
    void take(const policy::SiteLogs& limits);
    /// How long one is kept; 0: none is.
    Duration age() const;

    std::uint64_t bytes() const { return bytes_; }
    std::size_t count() const { return entries_.size(); }

    /// Ends the copy that is under way; nothing is kept or removed after that.
    void close();

  private:
    struct Entry {
        std::string tenant;
        BootClock::time_point at;
        std::uint64_t bytes = 0;
    };
    struct Tenant {
        std::uint64_t bytes = 0;
        std::deque<std::string> sessions; ///< the oldest first
    };
    struct Job;
    using JobPtr = std::shared_ptr<Job>;

    void add(const std::string& session, Entry entry);
    void erase(const std::string& session);
    void drop(const std::string& session, const char* why);
    void make_room();
    void remove_files(std::vector<std::string> names);
    void begin_next();
    void finish(const JobPtr& job);

    boost::asio::io_context& io_;
    const std::string path_;
    const std::shared_ptr<const UniqueFd> folder_; ///< the thread's too
    policy::SiteLogs limits_;
    const Duration longest_;
    const Patience patience_;
    std::unordered_map<std::string, Entry> entries_;
    std::map<std::string, Tenant> tenants_;
    std::uint64_t bytes_ = 0;

    std::map<std::string, std::deque<JobPtr>> waiting_; ///< by tenant
    std::string last_turn_;                             ///< the tenant that had it
    JobPtr running_;
    bool closed_ = false;
    boost::asio::thread_pool thread_{1};
};

} // namespace sandbox::manager
