#pragma once

#include "ctl/http/api_client.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace sandbox::ctl {

/// One server-sent event (HTML Standard, 9.2.6), of those that the API sends.
struct StreamEvent {
    std::string id, type, data;
};

/// Takes a stream of them in pieces.
class EventReader {
  public:
    explicit EventReader(std::function<void(const StreamEvent&)> on_event) : on_event_(std::move(on_event)) {}
    /// Throws Error unavailable for a line that is far longer than any of the API's.
    void take(std::string_view piece);

  private:
    void take_line(std::string_view line);

    std::function<void(const StreamEvent&)> on_event_;
    std::string rest_;
    StreamEvent event_;
};

/// Which events, and how they are followed.
struct EventSource {
    std::string session; ///< a whole id; empty: of all that the caller may see
    std::string last_id; ///< go on after this one; empty: from now on, or all that is known
    bool follow = true;  ///< false: what is known, then the end
    int until = -1;      ///< a descriptor that becomes readable when it is enough; -1: none
    /// How long an API that has gone may stay away.
    Duration patience = std::chrono::minutes(1);
};

/// Calls `on_event` for each, with its data as JSON; goes on where it was when the connection breaks
/// (Last-Event-ID), and tells `on_break` of that. Returns when the session has ended, or what is known was
/// told.
void follow_events(const ApiClient& api, EventSource source,
                   const std::function<void(const StreamEvent&, const Json&)>& on_event,
                   const std::function<void(const Error&)>& on_break);

/// "2026-01-31T09:05:07Z  abcdefghijklmnop  acme  starting → ready  why": for people.
std::string event_line(const Json& event);

} // namespace sandbox::ctl
