#include "manager/store/store_thread.hpp"

#include "manager/audit/line_buffer.hpp"
#include "manager/store/write_queue.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

constexpr auto kRetry = std::chrono::seconds(1);

} // namespace

/// What the loop's thread knows; the writer's thread posts to it, and lives no longer than the io_context.
struct StoreThread::State {
    explicit State(asio::io_context& context) : io(context), changed(context.get_executor()) {}
    asio::io_context& io;
    async::Notifier changed;
    std::uint64_t put = 0;     ///< counts what was to be written
    std::uint64_t written = 0; ///< up to here it is
    std::uint64_t tries = 0;
    bool closed = false;
    std::optional<Error> failure; ///< of the last try
    AuditCounts audit;
    bool audit_fails = false;
    std::uint64_t noted = 0, noted_written = 0; ///< lines, as `put` and `written`
};

/// A copy of the store that somebody waits for. The path is the thread's until it is done, the rest the
/// loop's.
struct StoreThread::Copy {
    std::string path;
    bool done = false;
    std::optional<Error> failure;
};

class StoreThread::Thread {
  public:
    Thread(std::weak_ptr<State> state, asio::io_context& io, const std::string& path, AuditFile audit)
        : state_(std::move(state)),
          io_(io),
          store_(path),
          audit_(std::move(audit)) {}

    void start() {
        thread_ = std::thread([this] { run(); });
    }

    void stop() {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        wake_.notify_one();
        thread_.join();
    }

    SessionStore& store() { return store_; }

    void copy(std::shared_ptr<Copy> copy) {
        {
            const std::lock_guard lock(mutex_);
            copies_.push_back(std::move(copy));
        }
        wake_.notify_one();
    }

    /// Calls with what waits for the store; `number` counts it.
    template <typename Change>
    void change(std::uint64_t number, const Change& change) {
        {
            const std::lock_guard lock(mutex_);
            change(records_);
            number_ = number;
        }
        wake_.notify_one();
    }

    void note(const std::string& line, std::uint64_t number) {
        {
            const std::lock_guard lock(mutex_);
            noted_ = number;
            lines_.add(line, std::chrono::system_clock::now());
        }
        wake_.notify_one();
    }

  private:
    bool has_work() const { return !records_.empty() || !lines_.empty() || !copies_.empty(); }

    void run() {
        std::unique_lock lock(mutex_);
        for (;;) {
            wake_.wait(lock, [this] { return stopping_ || has_work(); });
            if (!has_work())
                return;
            const bool last = stopping_;
            const bool failed = !write_once(lock);
            if (last)
                return;
            if (failed)
                wake_.wait_for(lock, kRetry, [this] { return stopping_; });
        }
    }

    /// What waits, all taken at one moment: the lines of the trail are those of the records beside them.
    struct Work {
        LineBuffer::Lines lines;
        std::uint64_t noted = 0;
        StoreBatch batch;
        std::uint64_t number = 0;
        std::vector<std::shared_ptr<Copy>> copies;
    };

    /// False: some of it could not be written, and waits again. Where the trail cannot be written, the store
    /// is all the same: no session stops for it.
    bool write_once(std::unique_lock<std::mutex>& lock) {
        Work work{lines_.take(), noted_, records_.take(), number_, std::exchange(copies_, {})};
        lock.unlock();
        const bool noted = work.lines.empty() || append(work);
        const bool stored = work.batch.empty() || store(work);
        for (const std::shared_ptr<Copy>& copy : work.copies)
            make_copy(copy);
        lock.lock();
        if (!noted)
            lines_.give_back(work.lines);
        if (!stored)
            records_.give_back(std::move(work.batch));
        return noted && stored;
    }

    bool append(const Work& work) {
        std::optional<Error> failure;
        try {
            audit_.append(work.lines.with_gap(std::chrono::system_clock::now()));
        } catch (const Error& error) {
            failure = error;
        }
        tell_audit(work, failure);
        return !failure;
    }

    /// What was put before is in it, unless that could not be written.
    void make_copy(const std::shared_ptr<Copy>& copy) {
        std::optional<Error> failure;
        try {
            store_.copy_to(copy->path);
        } catch (const Error& error) {
            failure = error;
        }
        asio::post(io_, [weak = state_, copy, failure] {
            copy->failure = failure;
            copy->done = true;
            if (const std::shared_ptr<State> state = weak.lock())
                state->changed.notify();
        });
    }

    bool store(const Work& work) {
        std::optional<Error> failure;
        try {
            store_.write(work.batch);
        } catch (const Error& error) {
            failure = error;
        }
        tell(work.number, failure);
        return !failure;
    }

    void tell_audit(const Work& work, const std::optional<Error>& failure) {
        const std::string gap = work.lines.gap.count > 0 ? "; " + work.lines.gap.text() : "";
        asio::post(io_, [weak = state_, count = work.lines.count, lost = work.lines.lost, noted = work.noted,
                         gap, failure] {
            const std::shared_ptr<State> state = weak.lock();
            if (!state)
                return;
            if (failure && !state->audit_fails)
                log::error_lines("the audit trail cannot be written, and it is tried again each second: " +
                                 failure->full());
            else if (!failure && state->audit_fails)
                log::warning("the audit trail can be written again" + gap);
            state->audit_fails = failure.has_value();
            state->audit.errors += failure ? 1 : 0;
            state->audit.lines += failure ? 0 : count;
            state->audit.lost += lost;
            if (!failure)
                state->noted_written = noted;
            state->changed.notify();
        });
    }

    void tell(std::uint64_t number, const std::optional<Error>& failure) {
        asio::post(io_, [weak = state_, number, failure] {
            const std::shared_ptr<State> state = weak.lock();
            if (!state)
                return;
            if (failure && !state->failure)
                log::error_lines("sessions cannot be stored, and it is tried again each second: " +
                                 failure->full());
            else if (!failure && state->failure)
                log::info("sessions can be stored again");
            if (!failure)
                state->written = number;
            state->failure = failure;
            ++state->tries;
            state->changed.notify();
        });
    }

    const std::weak_ptr<State> state_;
    asio::io_context& io_;
    SessionStore store_;
    AuditFile audit_;
    std::mutex mutex_; ///< guards all that follows
    std::condition_variable wake_;
    WriteQueue records_;
    std::uint64_t number_ = 0;
    LineBuffer lines_{kMostAuditBytes};
    std::uint64_t noted_ = 0;
    std::vector<std::shared_ptr<Copy>> copies_;
    bool stopping_ = false;
    std::thread thread_;
};

StoreThread::StoreThread(asio::io_context& io, const std::string& path, AuditFile audit)
    : state_(std::make_shared<State>(io)),
      thread_(std::make_unique<Thread>(state_, io, path, std::move(audit))) {
    thread_->start();
}

StoreThread::~StoreThread() {
    close();
}

std::vector<SessionRecord> StoreThread::load() {
    return thread_->store().load();
}

void StoreThread::put(SessionRecord record) {
    if (thread_)
        thread_->change(++state_->put, [&](WriteQueue& all) { all.put(std::move(record), std::nullopt); });
}

void StoreThread::put(SessionRecord record, DayUsage account) {
    if (thread_)
        thread_->change(++state_->put,
                        [&](WriteQueue& all) { all.put(std::move(record), std::move(account)); });
}

std::vector<DayUsage> StoreThread::load_usage() {
    return thread_->store().load_usage();
}

void StoreThread::forget_usage_before(std::string day) {
    if (thread_)
        thread_->change(++state_->put, [&](WriteQueue& all) { all.forget_usage_before(std::move(day)); });
}

void StoreThread::forget(std::string id) {
    if (thread_)
        thread_->change(++state_->put, [&](WriteQueue& all) { all.forget(std::move(id)); });
}

std::vector<TokenRecord> StoreThread::load_tokens() {
    return thread_->store().load_tokens();
}

void StoreThread::put_token(TokenRecord record) {
    std::string id = record.token.id;
    if (thread_)
        thread_->change(++state_->put,
                        [&](WriteQueue& all) { all.put_token(std::move(id), std::move(record)); });
}

void StoreThread::forget_token(std::string id) {
    if (thread_)
        thread_->change(++state_->put, [&](WriteQueue& all) { all.put_token(std::move(id), std::nullopt); });
}

void StoreThread::note(const AuditEntry& entry) {
    if (thread_)
        thread_->note(to_json_line(entry), ++state_->noted);
}

asio::awaitable<void> StoreThread::noted() {
    const std::shared_ptr<State> state = state_;
    const std::uint64_t wanted = state->noted;
    while (state->noted_written < wanted && !state->closed && !state->audit_fails)
        co_await state->changed.wait();
}

asio::awaitable<void> StoreThread::copy_to(std::string path) {
    const std::shared_ptr<State> state = state_;
    const auto copy = std::make_shared<Copy>();
    copy->path = std::move(path);
    if (thread_)
        thread_->copy(copy);
    while (!copy->done && !state->closed)
        co_await state->changed.wait();
    if (!copy->done)
        throw Error(Errc::unavailable, "the store is closed", "Ask the next manager.");
    if (copy->failure)
        throw *copy->failure;
}

AuditCounts StoreThread::audit_counts() const {
    return state_->audit;
}

asio::awaitable<void> StoreThread::committed() {
    const std::shared_ptr<State> state = state_;
    const std::uint64_t wanted = state->put, tries = state->tries;
    while (state->written < wanted && !state->closed) {
        // A try that began before this one's record came says nothing of it; the next one does.
        if (state->failure && state->tries > tries + 1)
            throw Error(Errc::unavailable, std::string("it cannot be stored: ") + state->failure->what(),
                        state->failure->cure());
        co_await state->changed.wait();
    }
}

void StoreThread::close() {
    if (!thread_)
        return;
    thread_->stop();
    thread_.reset();
    state_->closed = true;
    state_->changed.notify();
}

} // namespace sandbox::manager
