#include "manager/events/event_log.hpp"

#include <array>
#include <chrono>
#include <utility>

namespace sandbox::manager {
namespace {

/// Ids of the next manager are greater than this one's, as long as it makes less than a thousand events in
/// each millisecond and the wall clock is not set back.
std::uint64_t first_id_of_now() {
    using std::chrono::duration_cast, std::chrono::milliseconds;
    const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(duration_cast<milliseconds>(since_1970).count()) * 1000;
}

} // namespace

std::string_view to_text(Clock clock) {
    constexpr std::array<std::string_view, 2> kTexts{"idle", "lifetime"};
    return kTexts.at(static_cast<std::size_t>(clock));
}

std::string_view to_text(Event::Type type) {
    constexpr std::array<std::string_view, 2> kTexts{"state", "expiring"};
    return kTexts.at(static_cast<std::size_t>(type));
}

EventLog::EventLog(boost::asio::any_io_executor executor, std::size_t kept)
    : changed(std::move(executor)),
      kept_(kept),
      first_id_(first_id_of_now()),
      last_id_(first_id_) {}

void EventLog::add(Event event) {
    event.id = ++last_id_;
    events_.push_back(std::move(event));
    if (events_.size() > kept_)
        events_.pop_front();
    changed.notify();
}

bool EventLog::is_complete_since(std::uint64_t id) const {
    const std::uint64_t oldest = last_id_ - events_.size(); // the one before the oldest that is kept
    return id >= oldest && id >= first_id_ && id <= last_id_;
}

std::vector<Event> EventLog::since(std::uint64_t id) const {
    const std::uint64_t oldest = last_id_ - events_.size();
    const std::uint64_t from = is_complete_since(id) ? id : oldest;
    return {events_.begin() + static_cast<std::ptrdiff_t>(from - oldest), events_.end()};
}

} // namespace sandbox::manager
