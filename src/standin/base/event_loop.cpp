#include "standin/base/event_loop.hpp"

#include <utility>

namespace standin {

void EventLoop::post(std::function<void()> work) {
    {
        const std::lock_guard lock(mutex_);
        if (running_) {
            queue_.push_back(std::move(work));
            wake_.notify_one();
            return;
        }
    }
    const std::lock_guard command(command_mutex_);
    work();
}

int EventLoop::run() {
    std::unique_lock lock(mutex_);
    running_ = true;
    while (!exit_status_) {
        wake_.wait(lock, [&] { return !queue_.empty(); });
        const std::function<void()> work = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        {
            const std::lock_guard command(command_mutex_);
            work();
        }
        lock.lock();
    }
    return *exit_status_;
}

void EventLoop::stop(int exit_status) {
    const std::lock_guard lock(mutex_);
    exit_status_ = exit_status;
}

} // namespace standin
