#include "api/routes/request_bodies.hpp"

#include "api/format/json_body.hpp"
#include "sandbox/base/id.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <nlohmann/json.hpp>

namespace sandbox::api {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxCommands = 1000;
constexpr double kMaxClockSeconds = 365.0 * 24 * 3600;
constexpr double kMaxTimeoutSeconds = 24 * 3600;
constexpr auto kMaxTokenSeconds = std::chrono::duration<double>(manager::kMaxTokenLife).count();

[[noreturn]] void refuse(const std::string& field, const std::string& what, const std::string& cure) {
    throw Error(Errc::invalid_argument, what, cure, field);
}

Json parse_json(const std::string& body) {
    try {
        return parse_json_body(body);
    } catch (const Json::exception& error) { // its place, and what is wrong there
        constexpr std::size_t kMost = 200;   // it may have all of the body in it
        const std::string_view what = error.what();
        refuse("body", "the body is not JSON: " + std::string(what.substr(what.find(' ') + 1, kMost)),
               "Send a JSON object, as application/json.");
    }
}

Json parse_object(const std::string& body, const std::vector<std::string_view>& known) {
    const Json document = parse_json(body);
    if (!document.is_object())
        refuse("body", "the body is not a JSON object", "Send one, as application/json.");
    for (const auto& [key, value] : document.items())
        if (std::ranges::find(known, key) == known.end())
            refuse(key, "there is no such field", "Leave it out, or see the API's reference.");
    return document;
}

std::string text_of(const Json& value, const std::string& field, std::size_t most) {
    if (!value.is_string())
        refuse(field, "the value is not a text", "Send a JSON string.");
    auto text = value.get<std::string>();
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (text.size() > most || std::ranges::any_of(text, is_control)) {
        refuse(field, "the text is too long or has control characters",
               "Send at most " + std::to_string(most) + " bytes of plain text.");
    }
    return text;
}

std::map<std::string, std::string> texts_of(const Json& value, const std::string& field, std::size_t most_key,
                                            std::size_t most_value) {
    if (!value.is_object() || value.size() > manager::kMaxLabels) {
        refuse(field,
               "the value is not an object of at most " + std::to_string(manager::kMaxLabels) + " texts",
               R"(Send {"name": "value"}.)");
    }
    std::map<std::string, std::string> texts;
    for (const auto& [key, item] : value.items()) {
        const std::string place = field + "." + key;
        if (key.empty())
            refuse(field, "a name is empty", "Give it a name.");
        texts[text_of(Json(key), place, most_key)] = text_of(item, place, most_value);
    }
    return texts;
}

std::uint64_t count_of(const Json& value, const std::string& field) {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() == 0 || value.get<std::uint64_t>() > kMost)
        refuse(field, "the value is not a whole number above 0", "Send a plain number, without a unit.");
    return value.get<std::uint64_t>();
}

double number_of(const Json& value, const std::string& field, double most) {
    if (!value.is_number() || !std::isfinite(value.get<double>()) || value.get<double>() <= 0 ||
        value.get<double>() > most) {
        refuse(field, "the value is not a number above 0",
               "Send a number up to " + std::to_string(static_cast<long>(most)) + ".");
    }
    return value.get<double>();
}

void read_limits(const Json& limits, policy::Overrides& overrides) {
    if (!limits.is_object())
        refuse("limits", "the value is not an object", R"(Send {"memory_bytes": …, "cpus": …, "pids": …}.)");
    for (const auto& [key, value] : limits.items()) {
        const std::string field = "limits." + key;
        if (key == "memory_bytes")
            overrides.memory_max = Bytes{count_of(value, field)};
        else if (key == "cpus")
            overrides.cpus = number_of(value, field, 65536);
        else if (key == "pids")
            overrides.pids_max = count_of(value, field);
        else
            refuse(field, "there is no such limit", "The limits are memory_bytes, cpus and pids.");
    }
}

std::string tenant_of(const Json& document, const Caller& caller) {
    std::string asked = document.contains("tenant") ? text_of(document["tenant"], "tenant", 64) : "";
    if (caller.role != Role::admin) {
        if (!asked.empty() && asked != caller.tenant) {
            throw Error(Errc::denied, "you cannot act for another tenant", "Leave the tenant out.", "tenant");
        }
        return caller.tenant;
    }
    if (asked.empty())
        refuse("tenant", "no tenant is named", "An admin says whose it is.");
    if (!is_tenant_name(asked))
        refuse("tenant", "\"" + asked.substr(0, 80) + "\" is not a valid tenant name",
               "A name has 1 to 32 characters of a-z, 0-9 and _.");
    return asked;
}

Duration to_duration(double seconds) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

Duration clock_of(const Json& value, const std::string& field) {
    return std::max(to_duration(number_of(value, field, kMaxClockSeconds)), Duration(1));
}

manager::TokenRole role_of(const Json& document, const Caller& caller) {
    std::string text = document.contains("session") ? "session" : "tenant";
    if (document.contains("role"))
        text = text_of(document["role"], "role", 16);
    const auto role = manager::token_role_from_text(text);
    if (!role)
        refuse("role", "there is no such role", "The roles are monitor, session, tenant and admin.");
    const bool for_all = *role == manager::TokenRole::admin || *role == manager::TokenRole::monitor;
    if (for_all && caller.role != Role::admin) {
        throw Error(Errc::denied, "a token of role " + text + " has rights that you do not have",
                    "Ask an admin for it.", "role");
    }
    return *role;
}

/// As long as asked, or as usual; never longer than the caller's own token.
manager::WallTime expiry_of(const Json& document, const Caller& caller, manager::WallTime now) {
    const bool is_asked = document.contains("ttl_seconds");
    const Duration life =
        is_asked ? std::max(to_duration(number_of(document["ttl_seconds"], "ttl_seconds", kMaxTokenSeconds)),
                            Duration(1))
                 : manager::kTokenLife;
    if (!caller.expires_at || now + life <= *caller.expires_at)
        return now + life;
    if (is_asked) {
        throw Error(Errc::denied, "the token would outlive yours",
                    "Ask for no longer than until " + format_time(*caller.expires_at) + ".", "ttl_seconds");
    }
    return *caller.expires_at;
}

/// 0: a place at once or none.
Duration queue_timeout_of(const Json& value) {
    constexpr double kMost = 3600;
    if (!value.is_number() || !(value.get<double>() >= 0 && value.get<double>() <= kMost))
        refuse("queue_timeout_seconds", "the value is not a number from 0 to 3600",
               "Send 0 to be refused rather than wait, or nothing for the site's own time.");
    const double seconds = value.get<double>();
    return seconds > 0 ? std::max(to_duration(seconds), Duration(1)) : Duration::zero();
}

/// 0: it ends with its first ChimeraX.
std::uint64_t restarts_of(const Json& value) {
    if (!value.is_number_unsigned())
        refuse("max_restarts", "the value is not a whole number from 0 on",
               "Send 0 to have ChimeraX never started again, or nothing for the policy's own.");
    return value.get<std::uint64_t>();
}

/// The host's CPU time goes into it, beside the session's own.
bool learn_of(const Json& value, const Caller& caller) {
    if (!value.is_boolean())
        refuse("learn", "the value is neither true nor false", "Send a JSON boolean.");
    if (value.get<bool>() && caller.role != Role::admin)
        throw Error(Errc::denied, "only an admin may learn from a session", "Leave it out.", "learn");
    return value.get<bool>();
}

} // namespace

manager::CreateRequest parse_create(const std::string& body, const Caller& caller) {
    const Json document =
        parse_object(body.empty() ? std::string("{}") : body,
                     {"policy", "tenant", "name", "labels", "limits", "env", "idle_timeout_seconds",
                      "max_lifetime_seconds", "queue_timeout_seconds", "max_restarts", "learn"});
    manager::CreateRequest request;
    request.tenant = tenant_of(document, caller);
    if (document.contains("policy")) {
        request.policy = text_of(document["policy"], "policy", 64);
        if (!is_policy_name(request.policy))
            refuse("policy", "this is not the name of a policy", "GET /v1/policies lists them.");
    }
    if (document.contains("name"))
        request.name = text_of(document["name"], "name", manager::kMaxSessionName);
    if (document.contains("labels"))
        request.labels =
            texts_of(document["labels"], "labels", manager::kMaxLabelKey, manager::kMaxLabelValue);
    if (document.contains("limits"))
        read_limits(document["limits"], request.overrides);
    if (document.contains("env"))
        request.overrides.environment = texts_of(document["env"], "env", 128, 8192);
    if (document.contains("idle_timeout_seconds"))
        request.idle_timeout = clock_of(document["idle_timeout_seconds"], "idle_timeout_seconds");
    if (document.contains("max_lifetime_seconds"))
        request.max_lifetime = clock_of(document["max_lifetime_seconds"], "max_lifetime_seconds");
    if (document.contains("queue_timeout_seconds"))
        request.queue_timeout = queue_timeout_of(document["queue_timeout_seconds"]);
    if (document.contains("max_restarts"))
        request.max_restarts = restarts_of(document["max_restarts"]);
    if (document.contains("learn"))
        request.learns = learn_of(document["learn"], caller);
    return request;
}

std::optional<manager::IdempotencyKey> parse_repeat(const Request& request, const Caller& caller) {
    constexpr std::size_t kMaxKey = 255;
    const std::string_view name = "idempotency-key";
    const auto count = std::ranges::count(request.headers, name, &Fields::value_type::first);
    if (count == 0)
        return std::nullopt;
    const std::string key = *request.header(name);
    const auto is_visible = [](char c) { return c > 0x20 && c < 0x7f; };
    if (count > 1 || key.empty() || key.size() > kMaxKey || !std::ranges::all_of(key, is_visible)) {
        refuse("Idempotency-Key", "the header is given twice or is not a valid key",
               "Send it once, with 1 to 255 visible characters of ASCII, for example a UUID.");
    }
    const Json document = parse_json(request.body.empty() ? std::string("{}") : request.body);
    const std::string meaning = document.dump(-1, ' ', true, Json::error_handler_t::replace);
    return manager::IdempotencyKey{caller.role == Role::admin ? "admin" : "tenant " + caller.tenant, key,
                                   sha256_hex(meaning)};
}

CommandRequest parse_commands(const std::string& body) {
    const Json document = parse_object(body, {"command", "commands", "timeout_seconds"});
    if (document.contains("command") == document.contains("commands"))
        refuse("command", "one of command and commands is needed", R"(Send {"command": "version"}.)");
    CommandRequest request;
    if (document.contains("command")) {
        request.commands.push_back(text_of(document["command"], "command", kMaxTarget));
    } else {
        const Json& list = document["commands"];
        if (!list.is_array() || list.empty() || list.size() > kMaxCommands)
            refuse("commands", "the value is not a list of 1 to 1,000 commands", "Send a list of texts.");
        for (const Json& item : list)
            request.commands.push_back(text_of(item, "commands", kMaxTarget));
    }
    if (document.contains("timeout_seconds"))
        request.timeout =
            to_duration(number_of(document["timeout_seconds"], "timeout_seconds", kMaxTimeoutSeconds));
    return request;
}

Duration parse_extend(const std::string& body) {
    const Json document = parse_object(body, {"seconds"});
    if (!document.contains("seconds"))
        refuse("seconds", "no time is given", R"(Send {"seconds": 1800}.)");
    return clock_of(document["seconds"], "seconds");
}

manager::SessionChange parse_change(const std::string& body) {
    const Json document =
        parse_object(body, {"name", "labels", "limits", "idle_timeout_seconds", "max_lifetime_seconds"});
    if (document.empty())
        refuse("body", "nothing is to be changed", R"(Send {"labels": {…}}, for one.)");
    manager::SessionChange change;
    if (document.contains("name"))
        change.name = text_of(document["name"], "name", manager::kMaxSessionName);
    if (document.contains("labels"))
        change.labels =
            texts_of(document["labels"], "labels", manager::kMaxLabelKey, manager::kMaxLabelValue);
    if (document.contains("limits"))
        read_limits(document["limits"], change.limits);
    if (document.contains("idle_timeout_seconds"))
        change.idle_timeout = clock_of(document["idle_timeout_seconds"], "idle_timeout_seconds");
    if (document.contains("max_lifetime_seconds"))
        change.max_lifetime = clock_of(document["max_lifetime_seconds"], "max_lifetime_seconds");
    return change;
}

RenderRequest parse_render(const std::string& body) {
    const Json document = parse_object(body.empty() ? std::string("{}") : body,
                                       {"width", "height", "supersample", "transparent"});
    RenderRequest request;
    const auto read = [&](const char* name, unsigned& value, unsigned most) {
        if (!document.contains(name))
            return;
        const std::uint64_t number = count_of(document[name], name);
        if (number > most)
            refuse(name, "the value is too large", "Send at most " + std::to_string(most) + ".");
        value = static_cast<unsigned>(number);
    };
    read("width", request.width, 8192);
    read("height", request.height, 8192);
    read("supersample", request.supersample, 8);
    if (document.contains("transparent")) {
        if (!document["transparent"].is_boolean())
            refuse("transparent", "the value is neither true nor false", "Send one of them.");
        request.transparent = document["transparent"].get<bool>();
    }
    return request;
}

manager::NewToken parse_new_token(const std::string& body, const Caller& caller, manager::WallTime now) {
    using manager::TokenRole;
    const Json document = parse_object(body.empty() ? std::string("{}") : body,
                                       {"role", "tenant", "session", "name", "ttl_seconds"});
    manager::NewToken token;
    token.role = role_of(document, caller);
    for (const auto& [field, role] :
         {std::pair("tenant", TokenRole::tenant), std::pair("session", TokenRole::session)})
        if (document.contains(field) && token.role != role)
            refuse(field, "a token of role " + std::string(to_text(token.role)) + " has none",
                   "Leave it out.");
    if (token.role == TokenRole::tenant)
        token.tenant = tenant_of(document, caller);
    if (token.role == TokenRole::session)
        token.session = document.contains("session") ? text_of(document["session"], "session", 64) : "";
    if (document.contains("name"))
        token.name = text_of(document["name"], "name", 128);
    token.made_by = caller.token;
    token.expires_at = expiry_of(document, caller, now);
    return token;
}

bool parse_flag(const std::string& body, const char* name) {
    const Json document = parse_object(body.empty() ? std::string("{}") : body, {name});
    if (!document.contains(name))
        return false;
    if (!document[name].is_boolean())
        refuse(name, "the value is neither true nor false", "Send one of them.");
    return document[name].get<bool>();
}

} // namespace sandbox::api
