#include "api/format/session_json.hpp"

#include "sandbox/base/duration.hpp"
#include "sandbox/policy/loader.hpp"

#include <nlohmann/json.hpp>

namespace sandbox::api {
namespace {

using Json = nlohmann::ordered_json;
using manager::SessionView;

std::string dump(const Json& document) {
    return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json value_or_null(const std::optional<manager::WallTime>& time) {
    return time ? Json(format_time(*time)) : Json(nullptr);
}

Json value_or_null(const std::optional<Bytes>& size) {
    return size ? Json(size->value) : Json(nullptr);
}

template <typename T>
Json value_or_null(const std::optional<T>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json array_of(const std::vector<std::string>& texts) {
    Json array = Json::array();
    for (const std::string& text : texts)
        array.push_back(text);
    return array;
}

/// An absent limit is one that was not asked for, or is not set.
Json limits(const SessionView::Limits& limits) {
    Json object = Json::object();
    if (limits.memory_max)
        object["memory_bytes"] = limits.memory_max->value;
    if (limits.cpus)
        object["cpus"] = *limits.cpus;
    if (limits.pids_max)
        object["pids"] = *limits.pids_max;
    return object;
}

Json usage(const SessionView::Usage& usage) {
    return {{"memory_bytes", value_or_null(usage.memory)},
            {"memory_peak_bytes", value_or_null(usage.memory_peak)},
            {"cpu_seconds", value_or_null(usage.cpu_seconds)},
            {"pids", value_or_null(usage.pids)}};
}

Json kept_log(const SessionView::End::Log& log) {
    Json object{{"kept", log.fate == manager::LogFate::kept}, {"bytes", log.bytes.value}};
    if (log.until)
        object["until"] = format_time(*log.until);
    if (log.fate != manager::LogFate::kept)
        object["reason"] = to_text(log.fate);
    if (!log.message.empty())
        object["message"] = log.message;
    return object;
}

Json end(const SessionView::End& end) {
    Json object{{"reason", to_text(end.reason)}, {"at", format_time(end.at)}, {"message", end.message}};
    if (end.exit_status)
        object["exit_status"] = *end.exit_status;
    if (end.signal)
        object["signal"] = *end.signal;
    object["oom_kills"] = end.oom_kills;
    object["memory_peak_bytes"] = value_or_null(end.memory_peak);
    object["cpu_seconds"] = end.cpu_seconds;
    object["log_tail"] = end.log_tail;
    object["log"] = end.log ? kept_log(*end.log) : Json(nullptr);
    if (end.system_calls)
        object["system_calls"] = {{"allowed", end.system_calls->allowed},
                                  {"refused", end.system_calls->refused}};
    return object;
}

Json autosave(const SessionView::Autosave& autosave) {
    Json object{{"last_at", value_or_null(autosave.last_at)},
                {"file", autosave.file.empty() ? Json(nullptr) : Json(autosave.file)},
                {"restored_at", value_or_null(autosave.restored_at)}};
    if (!autosave.failure.empty())
        object["failure"] = autosave.failure;
    return object;
}

Json rest(const SessionView::FreezeInfo& rest) {
    Json object{{"frozen_at", format_time(rest.frozen_at)},
                {"reclaimed_bytes", value_or_null(rest.reclaimed)}};
    if (!rest.not_reclaimed.empty())
        object["not_reclaimed"] = rest.not_reclaimed;
    return object;
}

/// Where ChimeraX's own REST interface is for this session.
std::string url_of(const SessionView& session) {
    if (session.published_port)
        return "http://127.0.0.1:" + std::to_string(*session.published_port);
    return "/v1/sessions/" + session.id + "/rest";
}

Json labels(const std::map<std::string, std::string>& labels) {
    Json object = Json::object();
    for (const auto& [key, value] : labels)
        object[key] = value;
    return object;
}

Json policy_object(const policy::Policy& policy) {
    const policy::Ceilings& ceilings = policy.override_ceilings;
    Json limits{{"memory_bytes", policy.resources.memory_max.value},
                {"cpus", value_or_null(policy.resources.cpus)},
                {"pids", policy.resources.pids_max}};
    Json at_most{{"memory_bytes", value_or_null(ceilings.memory_max)},
                 {"cpus", value_or_null(ceilings.cpus)},
                 {"pids", value_or_null(ceilings.pids_max)},
                 {"env", array_of(ceilings.environment)}};
    return {{"name", policy.name},
            {"layer", policy::to_text(policy.layer)},
            {"description", policy.description},
            {"digest", policy.digest},
            {"limits", std::move(limits)},
            {"ceilings", std::move(at_most)},
            {"published", policy.publish == policy::Publish::loopback}};
}

Json tenant_object(const policy::Tenant& tenant) {
    return {{"name", tenant.name},
            {"description", tenant.description},
            {"policies", array_of(tenant.policies)},
            {"max_sessions", tenant.max_sessions},
            {"limits",
             {{"memory_bytes", value_or_null(tenant.memory_max)},
              {"cpus", value_or_null(tenant.cpus)},
              {"pids", value_or_null(tenant.pids_max)},
              {"cpu_weight", tenant.cpu_weight}}},
            {"users", array_of(tenant.users)}};
}

template <typename Item, typename ToObject>
std::string list_json(const char* key, const std::vector<Item>& items, ToObject to_object) {
    Json array = Json::array();
    for (const Item& item : items)
        array.push_back(to_object(item));
    Json document = Json::object();
    document[key] = std::move(array);
    return dump(document);
}

} // namespace

Json session_document(const SessionView& session) {
    Json object{{"id", session.id},
                {"name", session.name},
                {"tenant", session.tenant},
                {"policy", {{"name", session.policy}, {"digest", session.policy_digest}}},
                {"labels", labels(session.labels)},
                {"state", to_text(session.state)},
                {"health",
                 {{"status", session.health.status},
                  {"last_ok_at", value_or_null(session.health.last_ok_at)},
                  {"in_flight_seconds", session.health.in_flight_seconds}}},
                {"pid", session.pid},
                {"address", session.address},
                {"port", session.port}};
    if (session.published_port)
        object["published_port"] = *session.published_port;
    object["url"] = url_of(session);
    object["created_at"] = format_time(session.created_at);
    object["ready_at"] = value_or_null(session.ready_at);
    object["last_activity_at"] = value_or_null(session.last_activity_at);
    object["restarts"] = session.restarts;
    if (!session.restart_reason.empty())
        object["restart_reason"] = session.restart_reason;
    if (session.autosave)
        object["autosave"] = autosave(*session.autosave);
    if (session.learns)
        object["learns"] = true;
    if (session.rest)
        object["rest"] = rest(*session.rest);
    object["expires"] = {{"idle_at", value_or_null(session.expires.idle_at)},
                         {"lifetime_at", value_or_null(session.expires.lifetime_at)}};
    object["limits"] = {{"asked", limits(session.asked)},
                        {"enforced", limits(session.enforced)},
                        {"not_enforced", array_of(session.not_enforced)}};
    object["usage"] = usage(session.usage);
    object["engine"] = {{"name", session.engine.name},
                        {"version", session.engine.version},
                        {"stand_in", session.engine.stand_in},
                        {"renders", session.engine.renders ? Json(*session.engine.renders) : Json(nullptr)}};
    if (session.end)
        object["end"] = end(*session.end);
    return object;
}

std::string session_json(const SessionView& session, const std::string& token) {
    Json object = session_document(session);
    if (!token.empty())
        object["token"] = token;
    return dump(object);
}

std::string sessions_json(const std::vector<SessionView>& sessions, const std::string& next_cursor) {
    Json array = Json::array();
    for (const SessionView& session : sessions)
        array.push_back(session_document(session));
    Json document{{"sessions", std::move(array)}};
    if (!next_cursor.empty())
        document["next_cursor"] = next_cursor;
    return dump(document);
}

std::string policy_json(const policy::Policy& policy) {
    Json object = policy_object(policy);
    object["effective"] = policy::to_toml(policy);
    return dump(object);
}

std::string policies_json(const std::vector<policy::Policy>& policies) {
    return list_json("policies", policies, policy_object);
}

std::string tenant_json(const policy::Tenant& tenant) {
    return dump(tenant_object(tenant));
}

std::string tenants_json(const std::vector<policy::Tenant>& tenants) {
    return list_json("tenants", tenants, tenant_object);
}

} // namespace sandbox::api
