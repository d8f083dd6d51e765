#include "api/routes/ended_session.hpp"

#include "api/format/session_json.hpp"
#include "api/http/problem.hpp"

#include <utility>

#include <nlohmann/json.hpp>

namespace sandbox::api {

Response ended_problem(const Error& error, const manager::SessionView& session) {
    nlohmann::ordered_json document = problem_document(error);
    nlohmann::ordered_json view = session_document(session);
    if (view.contains("end"))
        document["end"] = view["end"];
    document["session"] = std::move(view);
    return problem(error, document);
}

Response gone_problem(const manager::SessionView& session, std::string cure) {
    return ended_problem(Error(Errc::gone, "session " + session.id + " has ended", std::move(cure)), session);
}

Error error_of_end(const manager::SessionView& session) {
    const std::string who = "session " + session.id;
    if (!session.end)
        return {Errc::gone, who + " has ended"};
    const manager::SessionView::End& end = *session.end;
    std::string what = who + " ended (" + std::string(to_text(end.reason)) + ")";
    if (!end.message.empty())
        what += ": " + end.message;
    using enum manager::EndReason;
    switch (end.reason) {
    case exited:
    case signalled:
    case oom:
    case hung:
    case crash_loop:
    case start_timeout:
        return {Errc::engine, what, "See log_tail for ChimeraX's own words."};
    case queue_timeout:
        // Its own room in the queue is free again, so that it can wait once more.
        return Error(Errc::capacity, what, "Try again later, or wait longer in the queue.")
            .with({std::chrono::seconds(1), "queue_timeout"});
    case deleted:
    case idle:
    case lifetime:
    case cancelled:
        return {Errc::conflict, what, "Make a new session."};
    case launch_failed:
    case shutdown:
    case orphaned:
    case host_restarted:
        break;
    }
    return {Errc::unavailable, what, "Try again later, and tell the operator if it stays so."};
}

} // namespace sandbox::api
