#include "sandbox/api/problem.hpp"

#include "sandbox/api/session_json.hpp"

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
    return document;
}

Response respond(const Error& error, const Json& document) {
    Response response{.status = static_cast<unsigned>(errc_info(error.code()).http_status),
                      .content_type = std::string(kProblemType),
                      .body = dump(document),
                      .headers = {}};
    if (response.status == 401)
        response.headers.emplace_back("WWW-Authenticate", "Bearer");
    if (response.status == 429)
        response.headers.emplace_back("Retry-After", "2");
    if (response.status == 503)
        response.headers.emplace_back("Retry-After", "5");
    return response;
}

} // namespace

Response problem(const Error& error) {
    return respond(error, document_of(error));
}

Response http_problem(unsigned status, const std::string& title, const std::string& detail,
                      const std::string& cure) {
    Json document{{"type", "about:blank"}, {"title", title}, {"status", status},
                  {"detail", detail},      {"code", "http"}, {"cure", cure}};
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
    case start_timeout:
        return {Errc::engine, what, "See log_tail for ChimeraX's own words."};
    case deleted:
    case cancelled:
        return {Errc::conflict, what, "Make a new session."};
    case launch_failed:
    case shutdown:
    case orphaned:
        break;
    }
    return {Errc::unavailable, what, "Try again later, and tell the operator if it stays so."};
}

} // namespace sandbox::api
