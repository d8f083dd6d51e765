#include "api/http/problem.hpp"

#include <nlohmann/json.hpp>

namespace sandbox::api {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kProblemType = "application/problem+json";

std::string dump(const Json& document) {
    // Texts of a hostile engine may be no UTF-8.
    return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// Where nothing better is known: a turn comes soon, and a part that is away may take a little longer.
std::optional<std::chrono::seconds> retry_after(const Error& error, unsigned status) {
    if (error.retry())
        return error.retry()->after;
    if (status == 429)
        return std::chrono::seconds(2);
    return status == 503 ? std::optional(std::chrono::seconds(5)) : std::nullopt;
}

} // namespace

Json problem_document(const Error& error) {
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

Response problem(const Error& error, const Json& document) {
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

Response problem(const Error& error) {
    return problem(error, problem_document(error));
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

} // namespace sandbox::api
