#pragma once

#include "sandbox/base/duration.hpp"

#include <list>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

namespace sandbox::async {

/// Wakes coroutines that wait for "something has changed". On one thread: a coroutine that looks at its
/// condition and then waits, without a co_await between, misses nothing. Whoever waits keeps the owner of the
/// notifier alive.
class Notifier {
  public:
    explicit Notifier(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}
    Notifier(const Notifier&) = delete;
    Notifier& operator=(const Notifier&) = delete;

    const boost::asio::any_io_executor& executor() const { return executor_; }

    /// Wakes all that wait now.
    void notify();

    boost::asio::awaitable<void> wait();
    /// False: the time came first.
    boost::asio::awaitable<bool> wait_until(SteadyTime deadline);

  private:
    struct Waiter;
    boost::asio::any_io_executor executor_;
    std::list<Waiter*> waiters_;
};

} // namespace sandbox::async
