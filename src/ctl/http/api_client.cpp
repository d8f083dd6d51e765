#include "ctl/http/api_client.hpp"

#include "sandbox/base/error.hpp"
#include "sandbox/base/id.hpp"

#include <charconv>
#include <vector>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

Errc code_of_status(unsigned status) {
    switch (status) {
    case 400:
        return Errc::invalid_argument;
    case 401:
        return Errc::unauthenticated;
    case 403:
        return Errc::denied;
    case 404:
        return Errc::not_found;
    case 409:
        return Errc::conflict;
    case 410:
        return Errc::gone;
    case 412:
        return Errc::conflict;
    case 413:
        return Errc::too_large;
    case 429:
        return Errc::quota;
    case 503:
        return Errc::unavailable;
    case 504:
        return Errc::timed_out;
    default:
        return Errc::internal;
    }
}

std::string text_member(const Json& document, const char* name) {
    const auto member = document.find(name);
    return member != document.end() && member->is_string() ? member->get<std::string>() : std::string();
}

/// What is said on a command line may be any bytes.
std::string body_of(const Json& body) {
    try {
        return body.dump();
    } catch (const Json::type_error&) {
        throw Error(Errc::invalid_argument, "a word of the command line is not UTF-8",
                    "Names, labels and commands are UTF-8 texts.");
    }
}

Json parse_reply(const HttpReply& reply) {
    Json document = Json::parse(reply.body, nullptr, false);
    if (document.is_discarded())
        throw Error(Errc::unavailable, "the API's answer is not JSON",
                    "Is it the API of chimerax-sandbox that listens there?");
    return document;
}

} // namespace

Error error_of_reply(const HttpReply& reply) {
    const Json problem = Json::parse(reply.body, nullptr, false);
    if (!problem.is_object())
        return {code_of_status(reply.status), "the API answered with status " + std::to_string(reply.status)};
    const Errc code = errc_from_text(text_member(problem, "code")).value_or(code_of_status(reply.status));
    std::string what = text_member(problem, "detail");
    if (what.empty())
        what = text_member(problem, "title");
    if (what.empty())
        what = "the API answered with status " + std::to_string(reply.status);
    if (const std::string field = text_member(problem, "field");
        !field.empty() && what.find(field) == std::string::npos)
        what = field + ": " + what;
    Error error(code, what, text_member(problem, "cure"), text_member(problem, "field"));
    const std::string reason = text_member(problem, "reason");
    return reason.empty() ? error : error.with({{}, reason});
}

HttpReply ApiClient::call(const HttpRequest& request, Duration timeout) const {
    HttpReply reply = transport_(request, timeout);
    if (reply.status < 200 || reply.status > 299)
        throw error_of_reply(reply);
    return reply;
}

Json ApiClient::send(const HttpRequest& request, Duration timeout) const {
    return parse_reply(call(request, timeout));
}

Json ApiClient::get(const std::string& target, Duration timeout) const {
    return send({.method = "GET", .target = target, .token = {}, .body = {}}, timeout);
}

std::string ApiClient::get_text(const std::string& target) const {
    return call({.method = "GET", .target = target, .token = {}, .body = {}}, kAnswerTimeout).body;
}

Json ApiClient::post(const std::string& target, const Json& body, Duration timeout) const {
    return send({.method = "POST", .target = target, .token = {}, .body = body_of(body)}, timeout);
}

Json ApiClient::patch(const std::string& target, const Json& body, Duration timeout) const {
    return send({.method = "PATCH", .target = target, .token = {}, .body = body_of(body)}, timeout);
}

Json ApiClient::remove(const std::string& target, Duration timeout) const {
    return send({.method = "DELETE", .target = target, .token = {}, .body = {}}, timeout);
}

Json ApiClient::get_session(const std::string& id) const {
    const HttpReply reply = transport_(
        {.method = "GET", .target = "/v1/sessions/" + id, .token = {}, .body = {}}, kAnswerTimeout);
    if (reply.status == 200)
        return parse_reply(reply);
    if (reply.status == 410) {
        const Json problem = Json::parse(reply.body, nullptr, false);
        if (problem.is_object() && problem.contains("session") && problem["session"].is_object())
            return problem["session"];
    }
    throw error_of_reply(reply);
}

std::string ApiClient::find_session(const std::string& prefix) const {
    if (is_session_id(prefix))
        return prefix;
    std::vector<std::string> found;
    const Json list = get("/v1/sessions");
    for (const Json& session : list.at("sessions"))
        if (std::string id = session.at("id"); !prefix.empty() && id.starts_with(prefix))
            found.push_back(std::move(id));
    if (found.empty())
        throw Error(Errc::not_found, "no session's id starts with '" + prefix + "'",
                    "`sandboxctl ls -a` shows all that you may see.");
    if (found.size() == 1)
        return found.front();
    std::string candidates;
    for (std::size_t i = 0; i < found.size() && i < 5; ++i)
        candidates += (i == 0 ? "" : ", ") + found[i];
    throw Error(Errc::invalid_argument,
                "'" + prefix + "' is the start of " + std::to_string(found.size()) + " sessions' ids",
                "Give more of it: " + candidates + (found.size() > 5 ? ", …" : "") + ".");
}

std::string encode_component(std::string_view text) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string encoded;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                                c == '-' || c == '.' || c == '_' || c == '~';
        if (unreserved)
            encoded += c;
        else
            encoded += std::string("%") + kHex[byte >> 4] + kHex[byte & 15];
    }
    return encoded;
}

std::string decode_component(std::string_view text) {
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned value = 0;
        const char* digits = text.data() + i + 1;
        if (text[i] == '%' && i + 2 < text.size() &&
            std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2) {
            bytes += static_cast<char>(value);
            i += 2;
        } else {
            bytes += text[i];
        }
    }
    return bytes;
}

} // namespace sandbox::ctl
