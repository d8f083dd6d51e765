#include "ctl/http/event_stream.hpp"

#include "ctl/format/json_text.hpp"
#include "ctl/format/table.hpp"

#include <chrono>

#include <nlohmann/json.hpp>
#include <poll.h>

namespace sandbox::ctl {
namespace {

constexpr std::size_t kLongestLine = 1 << 20;
/// The server sends something each 15 s.
constexpr Duration kQuiet = std::chrono::seconds(60);
constexpr Duration kPause = std::chrono::milliseconds(250);

std::string target_of(const EventSource& source) {
    const std::string route =
        source.session.empty() ? "/v1/events" : "/v1/sessions/" + source.session + "/events";
    return source.follow ? route : route + "?follow=0";
}

bool is_over(const EventSource& source) {
    pollfd wait{source.until, POLLIN, 0};
    return source.until >= 0 && ::poll(&wait, 1, 0) > 0;
}

/// A pause that `until` cuts short.
void pause(const EventSource& source) {
    pollfd wait{source.until, POLLIN, 0};
    ::poll(&wait, 1, static_cast<int>(kPause.count()));
}

} // namespace

void EventReader::take(std::string_view piece) {
    rest_ += piece;
    std::size_t start = 0;
    for (std::size_t end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', start)) {
        take_line(std::string_view(rest_).substr(start, end - start));
        start = end + 1;
    }
    rest_.erase(0, start);
    if (rest_.size() > kLongestLine)
        throw Error(Errc::unavailable, "the API sends no stream of events");
}

void EventReader::take_line(std::string_view line) {
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    if (line.empty()) {
        if (!event_.data.empty())
            on_event_(event_);
        event_ = {};
        return;
    }
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' '))
        value.remove_prefix(1);
    if (name == "id")
        event_.id = value;
    else if (name == "event")
        event_.type = value;
    else if (name == "data")
        event_.data += (event_.data.empty() ? "" : "\n") + std::string(value);
}

void follow_events(const ApiClient& api, EventSource source,
                   const std::function<void(const StreamEvent&, const Json&)>& on_event,
                   const std::function<void(const Error&)>& on_break) {
    auto heard = std::chrono::steady_clock::now();
    bool ended = false, begun = false;
    while (!ended && !is_over(source)) {
        EventReader reader([&](const StreamEvent& event) {
            const Json data = Json::parse(event.data, nullptr, false);
            source.last_id = event.id.empty() ? source.last_id : event.id;
            if (!source.session.empty() && word(data, {"state"}) == "ended")
                ended = true;
            on_event(event, data);
        });
        HttpRequest request{.method = "GET", .target = target_of(source), .token = {}, .body = {}};
        if (!source.last_id.empty())
            request.headers.emplace_back("Last-Event-ID", source.last_id);
        request.quiet = kQuiet;
        request.until = source.until;
        request.on_piece = [&](std::string_view piece) {
            heard = std::chrono::steady_clock::now();
            begun = true;
            reader.take(piece);
        };
        std::optional<Error> failure;
        try {
            api.call(request);
            begun = true;
        } catch (const Error& error) {
            const bool passes = error.code() == Errc::unavailable || error.code() == Errc::timed_out;
            if (is_over(source))
                return;
            if (begun && error.code() == Errc::gone) // it ended while we were away
                return;
            if (!begun || !passes || std::chrono::steady_clock::now() - heard > source.patience)
                throw;
            failure = error;
        }
        if (!source.follow && !failure)
            return;
        if (!ended) { // the manager has gone, or hands over
            if (failure)
                on_break(*failure);
            pause(source);
        }
    }
}

std::string event_line(const Json& event) {
    std::string line = word(event, {"at"});
    for (const char* name : {"session", "tenant"})
        if (const std::string text = word(event, {name}); text != "-")
            line += "  " + text;
    const std::string previous = word(event, {"previous_state"}), state = word(event, {"state"});
    if (word(event, {"type"}) != "state")
        line += "  " + word(event, {"type"});
    else
        line += "  " + (previous == "-" ? state : previous + " → " + state);
    for (const char* name : {"reason", "expires_at", "message"})
        if (const std::string text = word(event, {name}); text != "-")
            line += "  " + text;
    return printable(line);
}

} // namespace sandbox::ctl
