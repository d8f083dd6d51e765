#include "sandbox/async/notifier.hpp"

#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace sandbox::async {

/// Stands in the list for exactly as long as the coroutine waits, however it leaves.
struct Notifier::Waiter {
    explicit Waiter(Notifier& owner) : signal(owner), timer(owner.executor_) {
        place = signal.waiters_.insert(signal.waiters_.end(), this);
    }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    ~Waiter() {
        if (!notified)
            signal.waiters_.erase(place);
    }

    Notifier& signal;
    boost::asio::steady_timer timer;
    std::list<Waiter*>::iterator place;
    bool notified = false;
};

void Notifier::notify() {
    for (Waiter* waiter : std::exchange(waiters_, {})) {
        waiter->notified = true;
        waiter->timer.cancel();
    }
}

boost::asio::awaitable<bool> Notifier::wait_until(SteadyTime deadline) {
    Waiter waiter(*this);
    waiter.timer.expires_at(deadline);
    const auto [error] = co_await waiter.timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    if (!waiter.notified && error) // the caller was cancelled
        throw boost::system::system_error(error);
    co_return waiter.notified;
}

boost::asio::awaitable<void> Notifier::wait() {
    co_await wait_until(SteadyTime::max());
}

} // namespace sandbox::async
