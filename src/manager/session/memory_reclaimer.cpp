#include "manager/session/memory_reclaimer.hpp"

#include "sandbox/async/notifier.hpp"
#include "sandbox/base/duration.hpp"
#include "sandbox/base/error.hpp"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <string>
#include <thread>
#include <utility>

#include <boost/asio/post.hpp>
#include <fcntl.h>
#include <unistd.h>

namespace asio = boost::asio;

namespace sandbox::manager {
namespace {

constexpr Duration kWriteTime = std::chrono::milliseconds(100);

/// One run, as the loop's thread knows it.
struct Outcome {
    explicit Outcome(asio::io_context& io) : done(io.get_executor()) {}
    async::Notifier done;
    bool finished = false;
    Reclaimed reclaimed;
    std::exception_ptr failure;
};

/// What the thread works with: nothing of it is shared with the session.
struct Work {
    UniqueFd file;
    kernel::CgroupDir group;
    StopFlag stop;

    Reclaimed carry_out(const std::atomic<bool>& closed) const {
        const std::string chunk = std::to_string(kReclaimChunk.value);
        return reclaim_in_chunks(
            {.ask_chunk = [&] { return ::write(file.get(), chunk.data(), chunk.size()) < 0 ? errno : 0; },
             .memory_current =
                 [&] { return group.read_u64(kernel::cgroup_file::kMemoryCurrent).value_or(0); },
             .let_write = [] { std::this_thread::sleep_for(kWriteTime); },
             .stopped = [&] { return *stop || closed; }});
    }
};

kernel::CgroupDir duplicate(const kernel::CgroupDir& group) {
    UniqueFd fd(::fcntl(group.fd(), F_DUPFD_CLOEXEC, 0));
    if (!fd)
        throw_errno("duplicating " + group.path());
    return {std::move(fd), group.path()};
}

} // namespace

Reclaimed reclaim_in_chunks(const ReclaimSteps& steps) {
    const std::uint64_t first = steps.memory_current();
    std::uint64_t now = first;
    Reclaimed result;
    for (bool goes_on = true; goes_on && !steps.stopped();) {
        result.error = steps.ask_chunk();
        const std::uint64_t before = std::exchange(now, steps.memory_current());
        goes_on = now + kReclaimLeast.value <= before && (result.error == 0 || result.error == EAGAIN);
        if (goes_on && result.error == EAGAIN)
            steps.let_write();
    }
    result.bytes = Bytes{first - std::min(now, first)};
    return result;
}

MemoryReclaimer::MemoryReclaimer(asio::io_context& io) : io_(io) {}

MemoryReclaimer::~MemoryReclaimer() {
    close();
}

void MemoryReclaimer::close() {
    closed_ = true;
    thread_.stop();
    thread_.join();
}

asio::awaitable<Reclaimed> MemoryReclaimer::run(UniqueFd file, const kernel::CgroupDir& group,
                                                StopFlag stop) {
    const auto outcome = std::make_shared<Outcome>(io_);
    const auto work = std::make_shared<Work>(Work{std::move(file), duplicate(group), std::move(stop)});
    asio::post(thread_, [this, outcome, work] {
        Reclaimed reclaimed;
        std::exception_ptr failure;
        try {
            reclaimed = work->carry_out(closed_);
        } catch (const std::exception&) {
            failure = std::current_exception();
        }
        asio::post(io_, [outcome, reclaimed, failure] {
            outcome->reclaimed = reclaimed;
            outcome->failure = failure;
            outcome->finished = true;
            outcome->done.notify();
        });
    });
    while (!outcome->finished)
        co_await outcome->done.wait();
    if (outcome->failure)
        std::rethrow_exception(outcome->failure);
    co_return outcome->reclaimed;
}

} // namespace sandbox::manager
