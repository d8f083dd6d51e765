#pragma once

#include "sandbox/async/notifier.hpp"
#include "sandbox/manager/event.hpp"

#include <cstddef>
#include <deque>
#include <vector>

#include <boost/asio/any_io_executor.hpp>

namespace sandbox::manager {

/// The newest events of all sessions, for those who follow them.
class EventLog {
  public:
    EventLog(boost::asio::any_io_executor executor, std::size_t kept);

    /// Gives it its id and wakes those who wait for `changed`.
    void add(Event event);

    /// The id of the newest one; the first one's will be greater.
    std::uint64_t last_id() const { return last_id_; }
    /// Those after that id, oldest first. One of an earlier manager, or too old: all that there are.
    std::vector<Event> since(std::uint64_t id) const;
    /// Whether that is all that came after that id.
    bool is_complete_since(std::uint64_t id) const;

    async::Notifier changed;

  private:
    const std::size_t kept_;
    const std::uint64_t first_id_;
    std::uint64_t last_id_;
    std::deque<Event> events_;
};

} // namespace sandbox::manager
