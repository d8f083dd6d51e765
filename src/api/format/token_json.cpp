#include "api/format/token_json.hpp"

#include <optional>

#include <nlohmann/json.hpp>

namespace sandbox::api {
namespace {

using Json = nlohmann::ordered_json;
using manager::WallTime;

Json text_or_null(const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

Json time_or_null(const std::optional<WallTime>& time) {
    return time ? Json(format_time(*time)) : Json(nullptr);
}

Json object_of(const manager::ApiToken& token, WallTime now) {
    return {{"id", token.id},
            {"role", to_text(token.role)},
            {"tenant", text_or_null(token.tenant)},
            {"session", text_or_null(token.session)},
            {"name", token.name},
            {"state", to_text(token.state(now))},
            {"made_by", text_or_null(token.made_by)},
            {"created_at", format_time(token.created_at)},
            {"expires_at", format_time(token.expires_at)},
            {"last_used_at", time_or_null(token.last_used_at)},
            {"revoked_at", time_or_null(token.revoked_at)}};
}

std::string dump(const Json& document) {
    return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

} // namespace

std::string token_json(const manager::ApiToken& token, WallTime now, const std::string& secret) {
    Json object = object_of(token, now);
    if (!secret.empty())
        object["token"] = secret;
    return dump(object);
}

std::string tokens_json(const std::vector<manager::ApiToken>& tokens, WallTime now) {
    Json list = Json::array();
    for (const manager::ApiToken& token : tokens)
        list.push_back(object_of(token, now));
    const Json document{{"tokens", std::move(list)}};
    return dump(document);
}

} // namespace sandbox::api
