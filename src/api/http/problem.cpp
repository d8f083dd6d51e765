#include "api/http/problem.hpp"

#include "api/format/session_json.hpp"

#include <nlohmann/json.hpp>

namespace sandbox::api {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kProblemType = "application/problem+json";

std::string dump(const Json& document) {
    // Texts of a hostile engine may be no UTF-8.
    return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json document_of(const Error& error) {
    const ErrcInfo& info = errc_info(error.code());
    Json document{{"type", "about:blank"},
                  {"title", info.title},
                  {"status", info.http_status},
                  {"detail", error.what()},
                  {"code", info.text}};
    if (!error.field().empty())
        document["field"] = error.field();
    if (!error.cure().empty())
        document["cure"] = error.cure();
    if (error.state_may_have_changed())
        document["state_may_have_changed"] = true;
    if (error.retry())
        document["reason"] = error.retry()->reason;
    return document;
}

/// Where nothing better is known: a turn comes soon, and a part that is away may take a little longer.
std::optional<std::chrono::seconds> retry_after(const Error& error, unsigned status) {
    if (error.retry())
        return error.retry()->after;
    if (status == 429)
        return std::chrono::seconds(2);
    return status == 503 ? std::optional(std::chrono::seconds(5)) : std::nullopt;
}

Response respond(const Error& error, const Json& document) {
    Response response{.status = static_cast<unsigned>(errc_info(error.code()).http_status),
                      .content_type = std::string(kProblemType),
                      .body = dump(document),
                      .headers = {}};
    if (response.status == 401)
        response.headers.emplace_back("WWW-Authenticate", "Bearer");
    if (const auto seconds = retry_after(error, response.status))
        response.headers.emplace_back("Retry-After", std::to_string(seconds->count()));
    return response;
}

} // namespace

Response problem(const Error& error) {
    return respond(error, document_of(error));
}

Response http_problem(unsigned status, const std::string& title, const std::string& detail,
                      const std::string& cure, const std::string& field) {
    Json document{{"type", "about:blank"}, {"title", title}, {"status", status},
                  {"detail", detail},      {"code", "http"}, {"cure", cure}};
    if (!field.empty())
        document["field"] = field;
    return {
        .status = status, .content_type = std::string(kProblemType), .body = dump(document), .headers = {}};
}

Response ended_problem(const Error& error, const manager::SessionView& session) {
    Json document = document_of(error);
    Json view = Json::parse(session_json(session));
    if (view.contains("end"))
        document["end"] = view["end"];
    document["session"] = std::move(view);
    return respond(error, document);
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
