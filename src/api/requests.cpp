#include "sandbox/api/requests.hpp"

#include "sandbox/base/id.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <nlohmann/json.hpp>

namespace sandbox::api {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxLabels = 64, kMaxCommands = 1000;
constexpr double kMaxTimeoutSeconds = 24 * 3600;

[[noreturn]] void refuse(const std::string& field, const std::string& what, const std::string& cure) {
    throw Error(Errc::invalid_argument, what, cure, field);
}

Json parse_object(const std::string& body, const std::vector<std::string_view>& known) {
    const Json document = Json::parse(body, nullptr, false);
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
    if (!value.is_object() || value.size() > kMaxLabels) {
        refuse(field, "the value is not an object of at most " + std::to_string(kMaxLabels) + " texts",
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
            throw Error(Errc::denied, "sessions of another tenant are not yours to make",
                        "Leave the tenant out.", "tenant");
        }
        return caller.tenant;
    }
    if (asked.empty())
        refuse("tenant", "no tenant is named", "An admin says whose session it is.");
    if (!is_tenant_name(asked))
        refuse("tenant", "\"" + asked.substr(0, 80) + "\" is no tenant's name",
               "A name has 1 to 32 characters of a-z, 0-9 and _.");
    return asked;
}

Duration to_duration(double seconds) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

} // namespace

manager::CreateRequest parse_create(const std::string& body, const Caller& caller) {
    const Json document = parse_object(body.empty() ? std::string("{}") : body,
                                       {"policy", "tenant", "name", "labels", "limits", "env"});
    manager::CreateRequest request;
    request.tenant = tenant_of(document, caller);
    if (document.contains("policy")) {
        request.policy = text_of(document["policy"], "policy", 64);
        if (!is_policy_name(request.policy))
            refuse("policy", "this is no policy's name", "GET /v1/policies lists them.");
    }
    if (document.contains("name"))
        request.name = text_of(document["name"], "name", 128);
    if (document.contains("labels"))
        request.labels = texts_of(document["labels"], "labels", 128, 1024);
    if (document.contains("limits"))
        read_limits(document["limits"], request.overrides);
    if (document.contains("env"))
        request.overrides.environment = texts_of(document["env"], "env", 128, 8192);
    return request;
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

std::optional<Duration> seconds_parameter(const Request& request, std::string_view name, Duration most) {
    const auto text = request.parameter(name);
    if (!text)
        return std::nullopt;
    double seconds = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
    const double limit = std::chrono::duration<double>(most).count();
    if (error != std::errc() || end != text->data() + text->size() || !(seconds >= 0 && seconds <= limit)) {
        refuse(std::string(name), "the value is not a number of seconds",
               "Send a number from 0 to " + std::to_string(static_cast<long>(limit)) + ".");
    }
    return to_duration(seconds);
}

std::optional<std::uint64_t> count_parameter(const Request& request, std::string_view name,
                                             std::uint64_t most) {
    const auto text = request.parameter(name);
    if (!text)
        return std::nullopt;
    std::uint64_t count = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), count);
    if (error != std::errc() || end != text->data() + text->size() || count > most) {
        refuse(std::string(name), "the value is not a whole number",
               "Send a number from 0 to " + std::to_string(most) + ".");
    }
    return count;
}

std::vector<manager::State> states_parameter(const Request& request, std::string_view name) {
    std::vector<manager::State> states;
    const std::string text = request.parameter(name).value_or("");
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t comma = rest.find(',');
        const auto state = manager::state_from_text(rest.substr(0, comma));
        if (!state)
            refuse(std::string(name), "there is no such state",
                   "The states are queued, starting, ready, busy, ending, ended and stuck.");
        states.push_back(*state);
        rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    }
    return states;
}

} // namespace sandbox::api
