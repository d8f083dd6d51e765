#include "sandbox/async/fair_semaphore.hpp"

#include <list>
#include <optional>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace sandbox::async {

struct FairSemaphore::State {
    boost::asio::any_io_executor executor;
    std::size_t limit = 0, bound = 0, inside = 0;
    std::list<Waiter*> waiters;
    std::optional<Error> closed;

    void admit_next();
};

/// Stands in the queue until it is admitted or its coroutine leaves.
struct FairSemaphore::Waiter {
    explicit Waiter(std::shared_ptr<State> gate) : state(std::move(gate)), timer(state->executor) {
        place = state->waiters.insert(state->waiters.end(), this);
    }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    ~Waiter() {
        if (queued)
            state->waiters.erase(place);
    }

    void leave_queue() {
        state->waiters.erase(place);
        queued = false;
        timer.cancel();
    }

    std::shared_ptr<State> state;
    boost::asio::steady_timer timer;
    std::list<Waiter*>::iterator place;
    bool queued = true;
    Permit permit; ///< set before it is woken: were it lost with the coroutine, the next would come in
};

void FairSemaphore::State::admit_next() {
    if (!waiters.empty() && inside < limit && !closed) {
        Waiter& next = *waiters.front();
        ++inside;
        next.permit = Permit(next.state);
        next.leave_queue();
    }
}

FairSemaphore::Permit& FairSemaphore::Permit::operator=(Permit&& other) noexcept {
    Permit taken(std::move(other));
    std::swap(state_, taken.state_);
    return *this;
}

FairSemaphore::Permit::~Permit() {
    if (state_) {
        --state_->inside;
        state_->admit_next();
    }
}

FairSemaphore::FairSemaphore(boost::asio::any_io_executor executor, std::size_t limit, std::size_t bound)
    : state_(std::make_shared<State>(State{std::move(executor), limit, bound, 0, {}, {}})) {}

FairSemaphore::Permit FairSemaphore::try_enter() {
    if (state_->closed || state_->inside >= state_->limit || !state_->waiters.empty())
        return Permit();
    ++state_->inside;
    return Permit(state_);
}

boost::asio::awaitable<FairSemaphore::Permit> FairSemaphore::enter(SteadyTime deadline) {
    const std::shared_ptr<State> state = state_;
    if (state->closed)
        throw *state->closed;
    Permit permit = try_enter();
    if (permit)
        co_return permit;
    if (state->waiters.size() >= state->bound) {
        throw Error(Errc::quota, "the queue is full: " + std::to_string(state->bound) + " wait already",
                    "Wait for the answers of earlier requests.");
    }
    Waiter waiter(state);
    waiter.timer.expires_at(deadline);
    const auto [error] = co_await waiter.timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    if (waiter.permit)
        co_return std::move(waiter.permit);
    if (state->closed)
        throw *state->closed;
    if (error) // the caller was cancelled
        throw boost::system::system_error(error);
    throw Error(Errc::timed_out, "the turn did not come in time: earlier requests still run",
                "Try again with a longer timeout; this request was not started.");
}

void FairSemaphore::close(const Error& error) {
    if (!state_->closed)
        state_->closed = error;
    while (!state_->waiters.empty())
        state_->waiters.front()->leave_queue();
}

std::size_t FairSemaphore::waiting() const {
    return state_->waiters.size();
}

} // namespace sandbox::async
