#pragma once

#include "sandbox/async/notifier.hpp"
#include "sandbox/base/duration.hpp"
#include "sandbox/base/error.hpp"

#include <cstddef>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace sandbox::async {

/// Lets at most `limit` in at a time, in the order in which they came; at most `bound` others wait.
class FairSemaphore {
    struct State;

  public:
    /// The right to be inside, until it is destroyed.
    class Permit {
      public:
        Permit() = default;
        Permit(Permit&& other) noexcept = default;
        Permit& operator=(Permit&& other) noexcept;
        ~Permit();
        explicit operator bool() const { return state_ != nullptr; }

      private:
        friend class FairSemaphore;
        explicit Permit(std::shared_ptr<State> state) : state_(std::move(state)) {}
        std::shared_ptr<State> state_;
    };

    FairSemaphore(boost::asio::any_io_executor executor, std::size_t limit, std::size_t bound);

    /// Throws Error quota when too many wait already, timed_out at the deadline, and what the gate was closed
    /// with. A caller that goes away (its coroutine is cancelled or destroyed) leaves the queue.
    boost::asio::awaitable<Permit> enter(SteadyTime deadline = SteadyTime::max());
    /// An empty permit where one would have to wait.
    Permit try_enter();

    /// Nobody comes in any more; those who wait get the error. Who is inside stays.
    void close(const Error& error);

    std::size_t waiting() const;

  private:
    struct Waiter;
    std::shared_ptr<State> state_;
};

} // namespace sandbox::async
