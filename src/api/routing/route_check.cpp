#include "api/routing/route_check.hpp"

#include "api/http/conditions.hpp"
#include "api/http/problem.hpp"
#include "api/http/request_head.hpp"

namespace sandbox::api {
namespace {

bool takes_body(const Route& route) {
    return route.takes_body.value_or(route.method == "POST" || route.method == "PATCH" ||
                                     route.method == "PUT");
}

/// JSON is UTF-8 (RFC 8259, 8.1). Other bodies are bytes, and go on with what the caller called them.
bool is_in_another_charset(const Route& route, const std::string& type) {
    const std::size_t at = type.find("charset=");
    if (at == std::string::npos || route.streams_body || route.max_body != kMaxJsonBody)
        return false;
    std::string charset = type.substr(at + 8, type.find(';', at) - at - 8);
    std::erase_if(charset, [](char c) { return c == '"' || c == ' '; });
    return charset != "utf-8" && charset != "utf8" && charset != "us-ascii";
}

} // namespace

std::optional<Response> refuse_unheeded(const Route& route, const Request& head) {
    if (!route.has_validators)
        if (auto refusal = refuse_conditions(head))
            return refusal;
    if (head.header("idempotency-key") && !route.takes_repeats && head.method != "GET" &&
        head.method != "HEAD")
        return problem(Error(
            Errc::invalid_argument, "this route does not know a repeated request by Idempotency-Key",
            "Leave the header out; look at what has happened before you send it again.", "Idempotency-Key"));
    if (is_in_another_charset(route, lower(head.header("content-type").value_or(""))))
        return http_problem(415, "Unsupported Media Type", "the body is in another charset than UTF-8",
                            "Send it in UTF-8.", "Content-Type");
    return std::nullopt;
}

void check_body_is_heeded(const Route& route, const Request& request) {
    std::string body = request.body.substr(0, 64);
    std::erase_if(body, [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; });
    if (!takes_body(route) && !body.empty() && body != "{}")
        throw Error(Errc::invalid_argument, "this route takes no body",
                    "Leave it out; what the route takes is in the API's reference.", "body");
}

} // namespace sandbox::api
