#include "manager/logs/kept_logs.hpp"

#include "manager/logs/log_reader.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/id.hpp"
#include "sandbox/base/log.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include <boost/asio/post.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

using Log = SessionView::End::Log;

constexpr std::array kStreams{"stdout", "stderr"};

Log not_kept(LogFate fate, std::string message) {
    return {.fate = fate, .bytes = {}, .until = {}, .message = std::move(message)};
}

std::string file_name(const std::string& session, const char* stream) {
    return session + "." + stream;
}

std::vector<std::string> file_names(const std::string& session) {
    std::vector<std::string> names;
    for (const char* stream : kStreams)
        names.push_back(file_name(session, stream));
    return names;
}

UniqueFd open_folder(const std::string& folder) {
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        throw_errno("cannot make the folder of the logs that are kept, " + folder);
    return open_fd(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

/// nullopt: there is no such regular file.
std::optional<std::uint64_t> size_of(int folder, const std::string& name) {
    struct stat status {};
    if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode))
        return std::nullopt;
    return static_cast<std::uint64_t>(status.st_size);
}

} // namespace

/// One copy. What follows `stop` is the thread's until it is done.
struct KeptLogs::Job {
    Job(asio::io_context& io, std::string its_session, std::string its_tenant, std::string its_log_dir,
        std::uint64_t its_most)
        : changed(io.get_executor()),
          session(std::move(its_session)),
          tenant(std::move(its_tenant)),
          log_dir(std::move(its_log_dir)),
          most(its_most) {}

    async::Notifier changed;
    std::optional<SteadyTime> begun;
    bool is_done = false;
    const std::string session, tenant, log_dir;
    const std::uint64_t most; ///< of each stream
    std::atomic<bool> stop = false;

    bool is_there = false;
    std::uint64_t bytes = 0;
    std::optional<Error> failure;

    /// Both files whole, or neither. Not fsync'ed: many sessions end at once, and a log that a loss of power
    /// takes is no more than a log.
    void carry_out(int folder) {
        const std::vector<std::string> names = file_names(session);
        try {
            for (std::size_t i = 0; i < names.size(); ++i)
                copy(folder, kStreams.at(i), names[i] + ".part");
            for (const std::string& name : names)
                if (is_there && ::renameat(folder, (name + ".part").c_str(), folder, name.c_str()) != 0)
                    throw_errno("cannot rename " + name);
        } catch (const Error& error) {
            failure = error;
        }
        if (failure)
            for (const std::string& name : names)
                for (const char* suffix : {".part", ""})
                    ::unlinkat(folder, (name + suffix).c_str(), 0);
    }

  private:
    void copy(int folder, const char* stream, const std::string& name) {
        LogReader log(log_dir, stream, most);
        is_there = is_there || log.is_there();
        if (!is_there)
            return;
        const UniqueFd file = open_fd_at(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
        for (std::string piece = log.next_piece(); !piece.empty(); piece = log.next_piece()) {
            if (stop)
                throw Error(Errc::timed_out, "the disk is too slow");
            write_all(file.get(), piece, name);
            bytes += piece.size();
        }
    }
};

KeptLogs::KeptLogs(asio::io_context& io, std::string folder, policy::SiteLogs limits, Duration longest,
                   Patience patience)
    : io_(io),
      path_(std::move(folder)),
      folder_(std::make_shared<const UniqueFd>(open_folder(path_))),
      limits_(limits),
      longest_(longest),
      patience_(patience) {}

KeptLogs::KeptLogs(asio::io_context& io, std::string folder, policy::SiteLogs limits, Duration longest)
    : KeptLogs(io, std::move(folder), limits, longest, Patience()) {}

KeptLogs::~KeptLogs() {
    close();
}

void KeptLogs::close() {
    closed_ = true;
    waiting_.clear();
    if (running_)
        running_->stop = true;
    thread_.join(); // what is to be removed, too
}

Duration KeptLogs::age() const {
    return limits_.keep ? std::min(*limits_.keep, longest_) : Duration::zero();
}

// ---- what there is

void KeptLogs::add(const std::string& session, Entry entry) {
    bytes_ += entry.bytes;
    Tenant& tenant = tenants_[entry.tenant];
    tenant.bytes += entry.bytes;
    tenant.sessions.push_back(session);
    entries_.insert_or_assign(session, std::move(entry));
}

void KeptLogs::erase(const std::string& session) {
    const auto found = entries_.find(session);
    if (found == entries_.end())
        return;
    const auto tenant = tenants_.find(found->second.tenant);
    bytes_ -= found->second.bytes;
    tenant->second.bytes -= found->second.bytes;
    std::erase(tenant->second.sessions, session);
    if (tenant->second.sessions.empty())
        tenants_.erase(tenant);
    entries_.erase(found);
}

void KeptLogs::forget(const std::string& session) {
    if (!has(session))
        return;
    erase(session);
    remove_files(file_names(session));
}

void KeptLogs::drop(const std::string& session, const char* why) {
    log::info({session, entries_.at(session).tenant},
              "the log of session " + session + " is no longer kept: " + why);
    forget(std::string(session));
}

void KeptLogs::make_room() {
    for (auto next = tenants_.begin(); next != tenants_.end();) {
        const Tenant& tenant = (next++)->second; // it may vanish
        for (std::uint64_t left = tenant.bytes; left > limits_.size_per_tenant.value;) {
            const std::string oldest = tenant.sessions.front();
            left -= entries_.at(oldest).bytes;
            drop(oldest, "its tenant keeps more than [logs] size_per_tenant");
        }
    }
    while (bytes_ > limits_.size.value) {
        const auto most =
            std::ranges::max_element(tenants_, {}, [](const auto& entry) { return entry.second.bytes; });
        drop(most->second.sessions.front(),
             "there is more than [logs] size, and its tenant keeps most of it");
    }
}

void KeptLogs::drop_old(BootClock::time_point now) {
    for (auto next = tenants_.begin(); next != tenants_.end();) {
        const Tenant& tenant = (next++)->second;
        for (std::size_t left = tenant.sessions.size(); left > 0; --left) {
            const std::string oldest = tenant.sessions.front();
            if (now - entries_.at(oldest).at < age())
                break;
            drop(oldest, "its time is over");
        }
    }
}

void KeptLogs::take(const policy::SiteLogs& limits) {
    limits_ = limits;
    drop_old(BootClock::now());
    make_room();
}

void KeptLogs::adopt(const std::vector<Known>& sessions) {
    std::set<std::string> left;
    for (const auto& entry : std::filesystem::directory_iterator(path_))
        left.insert(entry.path().filename());
    for (const Known& known : sessions) {
        const std::vector<std::string> names = file_names(known.session);
        std::uint64_t bytes = 0;
        const bool whole = std::ranges::all_of(names, [&](const std::string& name) {
            const std::optional<std::uint64_t> size = size_of(folder_->get(), name);
            bytes += size.value_or(0);
            return size.has_value();
        });
        if (!whole)
            continue;
        add(known.session, {known.tenant, known.at, bytes});
        for (const std::string& name : names)
            left.erase(name);
    }
    remove_files({left.begin(), left.end()});
    drop_old(BootClock::now());
    make_room();
}

void KeptLogs::remove_files(std::vector<std::string> names) {
    // After the copy of the same name that was begun before.
    asio::post(thread_, [folder = folder_, names = std::move(names)] {
        for (const std::string& name : names)
            if (::unlinkat(folder->get(), name.c_str(), 0) != 0 && errno != ENOENT)
                log::warning({.session = name.substr(0, name.find('.'))},
                             "cannot remove the kept log " + name + ": " +
                                 std::generic_category().message(errno));
    });
}

UniqueFd KeptLogs::open(const std::string& session, const std::string& stream) const {
    UniqueFd file;
    if (has(session))
        file = UniqueFd(::openat(folder_->get(), file_name(session, stream.c_str()).c_str(),
                                 O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
        throw Error(Errc::gone, "the log of session " + session + " is not kept");
    return file;
}

// ---- what comes

asio::awaitable<std::optional<Log>> KeptLogs::keep(std::string session, std::string tenant,
                                                   std::string log_dir, HeldUp held_up) {
    const std::shared_ptr<KeptLogs> self = shared_from_this();
    if (!limits_.keep)
        co_return not_kept(LogFate::off, "This site keeps no logs of sessions that have ended.");
    const std::uint64_t most = std::min(limits_.size_per_tenant, limits_.size).value / kStreams.size();
    const auto job =
        std::make_shared<Job>(io_, std::move(session), std::move(tenant), std::move(log_dir), most);
    if (!closed_) {
        waiting_[job->tenant].push_back(job);
        begin_next();
    }
    const SteadyTime turn_deadline =
        held_up == HeldUp::slot ? std::chrono::steady_clock::now() + patience_.queue : SteadyTime::max();
    bool in_time = true;
    while (in_time && !job->is_done)
        in_time = co_await job->changed.wait_until(job->begun ? *job->begun + patience_.copy : turn_deadline);
    std::string failure;
    if (!job->is_done) {
        job->stop = true;
        failure = job->begun ? "its copy took longer than " + format_duration(patience_.copy)
                             : "its copy could not begin within " + format_duration(patience_.queue);
    } else if (job->failure) {
        failure = job->failure->what();
    } else if (!job->is_there) {
        co_return std::nullopt;
    } else {
        co_return Log{.fate = LogFate::kept, .bytes = Bytes{job->bytes}, .until = {}, .message = {}};
    }
    log::warning({job->session, job->tenant},
                 "the log of session " + job->session + " is not kept: " + failure);
    co_return not_kept(LogFate::failed, "It could not be kept: " + failure + ".");
}

void KeptLogs::begin_next() {
    while (!running_ && !waiting_.empty()) {
        auto turn = waiting_.upper_bound(last_turn_);
        if (turn == waiting_.end())
            turn = waiting_.begin();
        last_turn_ = turn->first;
        const JobPtr job = std::move(turn->second.front());
        turn->second.pop_front();
        if (turn->second.empty())
            waiting_.erase(turn);
        if (job->stop)
            continue;
        running_ = job;
        job->begun = std::chrono::steady_clock::now();
        job->changed.notify();
        asio::post(thread_, [weak = weak_from_this(), &io = io_, folder = folder_, job] {
            job->carry_out(folder->get());
            asio::post(io, [weak, job] {
                if (const std::shared_ptr<KeptLogs> self = weak.lock())
                    self->finish(job);
            });
        });
    }
}

void KeptLogs::finish(const JobPtr& job) {
    running_.reset();
    const bool made = job->is_there && !job->failure;
    erase(job->session); // of an end that an earlier manager did not bring to its end
    if (made && job->stop)
        remove_files(file_names(job->session)); // nobody has waited for it
    else if (made)
        add(job->session, {job->tenant, BootClock::now(), job->bytes});
    job->is_done = !job->stop;
    job->changed.notify();
    make_room();
    begin_next();
}

} // namespace sandbox::manager
