#pragma once

#include "sandbox/base/bytes.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/kernel/cgroup.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

namespace sandbox::manager {

/// Set to true, it ends a reclaim after the chunk that is under way.
using StopFlag = std::shared_ptr<std::atomic<bool>>;

/// What one write asks the kernel for. It is bounded as nothing stops a write: who removes the group waits
/// for it, and so does who closes the MemoryReclaimer.
inline constexpr Bytes kReclaimChunk = 8_MiB;

/// A chunk that lowers the memory by less has done nothing: single pages come and go by themselves.
inline constexpr Bytes kReclaimLeast = 512_KiB;

struct Reclaimed {
    Bytes bytes;   ///< by which the group's memory fell
    int error = 0; ///< of the last write; EAGAIN: the kernel could move no more
};

struct ReclaimSteps {
    std::function<int()> ask_chunk; ///< returns an errno
    std::function<std::uint64_t()> memory_current;
    std::function<void()> let_write; ///< after EAGAIN: some time for pages that are on their way to the swap
    std::function<bool()> stopped;
};

/// Asks for chunks until they lower the memory no more, one fails with another error than EAGAIN, or it is
/// stopped. EAGAIN alone is no end: pages count until they are written out, and only then can be dropped.
Reclaimed reclaim_in_chunks(const ReclaimSteps& steps);

/// Writes to memory.reclaim (cgroup-v2.rst) in a thread of its own, as the kernel returns from that only when
/// the pages are written out: one group after the other, as they all wait for the same swap.
class MemoryReclaimer {
  public:
    explicit MemoryReclaimer(boost::asio::io_context& io);
    ~MemoryReclaimer();
    MemoryReclaimer(const MemoryReclaimer&) = delete;
    MemoryReclaimer& operator=(const MemoryReclaimer&) = delete;

    /// `file` is memory.reclaim of `group`. Throws Error when the group's memory cannot be read.
    boost::asio::awaitable<Reclaimed> run(UniqueFd file, const kernel::CgroupDir& group, StopFlag stop);

    /// Waits for the chunk that is under way; nothing is reclaimed after that, and no `run` returns.
    void close();

  private:
    boost::asio::io_context& io_;
    std::atomic<bool> closed_ = false;
    boost::asio::thread_pool thread_{1};
};

} // namespace sandbox::manager
