#include "manager/store/session_record.hpp"

#include "sandbox/base/error.hpp"

#include <concepts>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

namespace sandbox::manager {
namespace {

using Json = nlohmann::json;

template <typename T>
inline constexpr bool kIsOptional = false;
template <typename T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

// ---- the one table: what is kept, under which keys

template <typename Visit, typename T>
requires std::same_as<std::remove_const_t<T>, protocol::SystemCalls>
void fields(Visit& visit, T& calls) {
    visit("allowed", calls.allowed);
    visit("refused", calls.refused);
}

template <typename Visit, typename T>
requires std::same_as<std::remove_const_t<T>, SessionView::End::Log>
void fields(Visit& visit, T& log) {
    visit("fate", log.fate);
    visit("bytes", log.bytes);
    visit("message", log.message);
}

template <typename Visit, typename T>
requires std::same_as<std::remove_const_t<T>, SessionView::End>
void fields(Visit& visit, T& end) {
    visit("reason", end.reason);
    visit("at", end.at);
    visit("message", end.message);
    visit("exit_status", end.exit_status);
    visit("signal", end.signal);
    visit("oom_kills", end.oom_kills);
    visit("memory_peak", end.memory_peak);
    visit("cpu_seconds", end.cpu_seconds);
    visit("log_tail", end.log_tail);
    visit("log", end.log);
    visit("system_calls", end.system_calls);
}

template <typename Visit, typename T>
requires std::same_as<std::remove_const_t<T>, SessionView::Autosave>
void fields(Visit& visit, T& autosave) {
    visit("last_at", autosave.last_at);
    visit("file", autosave.file);
    visit("restored_at", autosave.restored_at);
    visit("failure", autosave.failure);
    visit("owed_to", autosave.owed_to);
    visit("opening", autosave.opening);
}

template <typename Visit, typename T>
requires std::same_as<std::remove_const_t<T>, SessionView::FreezeInfo>
void fields(Visit& visit, T& rest) {
    visit("frozen_at", rest.frozen_at);
    visit("reclaimed", rest.reclaimed);
    visit("not_reclaimed", rest.not_reclaimed);
}

template <typename Visit, typename T>
requires std::same_as<std::remove_const_t<T>, SessionView::Limits>
void fields(Visit& visit, T& limits) {
    visit("memory_max", limits.memory_max);
    visit("cpus", limits.cpus);
    visit("pids_max", limits.pids_max);
}

template <typename Visit, typename T>
requires std::same_as<std::remove_const_t<T>, policy::Overrides>
void fields(Visit& visit, T& overrides) {
    visit("memory_max", overrides.memory_max);
    visit("cpus", overrides.cpus);
    visit("pids_max", overrides.pids_max);
    visit("environment", overrides.environment);
}

template <typename Visit, typename T>
requires std::same_as<std::remove_const_t<T>, policy::Lifecycle>
void fields(Visit& visit, T& lifecycle) {
    visit("freeze_after", lifecycle.freeze_after);
    visit("end_after", lifecycle.end_after);
    visit("max_lifetime", lifecycle.max_lifetime);
    visit("active_cpus", lifecycle.active_cpus);
}

template <typename Visit, typename T>
requires std::same_as<std::remove_const_t<T>, policy::Recovery>
void fields(Visit& visit, T& recovery) {
    visit("max_restarts", recovery.max_restarts);
    visit("window", recovery.window);
    visit("autosave_every", recovery.autosave_every);
}

template <typename Visit, typename T>
requires std::same_as<std::remove_const_t<T>, EndRequest>
void fields(Visit& visit, T& intent) {
    visit("reason", intent.reason);
    visit("message", intent.message);
}

template <typename Visit, typename T>
requires std::same_as<std::remove_const_t<T>, IdempotencyMark>
void fields(Visit& visit, T& mark) {
    visit("name", mark.name);
    visit("fingerprint", mark.fingerprint);
}

template <typename Visit, typename T>
requires std::same_as<std::remove_const_t<T>, SessionView>
void fields(Visit& visit, T& view) {
    visit("id", view.id);
    visit("name", view.name);
    visit("tenant", view.tenant);
    visit("policy", view.policy);
    visit("policy_digest", view.policy_digest);
    visit("labels", view.labels);
    visit("state", view.state);
    visit("slot", view.slot);
    visit("uid", view.uid);
    visit("pid", view.pid);
    visit("address", view.address);
    visit("port", view.port);
    visit("published_port", view.published_port);
    visit("created_at", view.created_at);
    visit("ready_at", view.ready_at);
    visit("last_activity_at", view.last_activity_at);
    visit("asked", view.asked);
    visit("enforced", view.enforced);
    visit("not_enforced", view.not_enforced);
    visit("executable", view.engine.executable);
    visit("stand_in", view.engine.stand_in);
    visit("version", view.engine.version);
    visit("renders", view.engine.renders);
    visit("restarts", view.restarts);
    visit("restart_reason", view.restart_reason);
    visit("rest", view.rest);
    visit("autosave", view.autosave);
    visit("log_dir", view.log_dir);
    visit("cgroup", view.cgroup);
    visit("end", view.end);
    visit("learns", view.learns);
}

template <typename Visit, typename T>
requires std::same_as<std::remove_const_t<T>, SessionRecord>
void fields(Visit& visit, T& record) {
    visit("session", record.view);
    visit("token_hash", record.token_hash);
    visit("overrides", record.overrides);
    visit("boot_id", record.boot_id);
    visit("created", record.created);
    visit("intent", record.intent);
    visit("exit_asked", record.exit_asked);
    visit("log_tail", record.log_tail);
    visit("repeat", record.repeat);
    visit("booked_cpu_us", record.booked_cpu);
    visit("start_timeout", record.start_timeout);
    visit("command_timeout", record.command_timeout);
    visit("grace", record.grace);
    visit("publish", record.publish);
    visit("lifecycle", record.lifecycle);
    visit("lifetime_ceiling", record.lifetime_ceiling);
    visit("recovery", record.recovery);
    visit("audit_commands", record.audit_commands);
    visit("work_size", record.work_size);
}

// ---- writing

template <typename T>
Json write_value(const T& value);

struct Writer {
    Json& object;

    template <typename T>
    void operator()(const char* key, const T& value) {
        if constexpr (kIsOptional<T>) {
            if (value)
                object[key] = write_value(*value);
        } else {
            object[key] = write_value(value);
        }
    }
};

template <typename T>
Json write_value(const T& value) {
    if constexpr (requires(Writer writer) { fields(writer, value); }) {
        Json object = Json::object();
        Writer writer{object};
        fields(writer, value);
        return object;
    } else if constexpr (std::same_as<T, Bytes>) {
        return value.value;
    } else if constexpr (std::same_as<T, Duration> || std::same_as<T, std::chrono::microseconds>) {
        return value.count();
    } else if constexpr (requires { value.time_since_epoch(); }) {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(value.time_since_epoch()).count();
    } else if constexpr (std::same_as<T, policy::Publish>) {
        return value == policy::Publish::loopback ? "loopback" : "none";
    } else if constexpr (std::is_enum_v<T>) {
        return to_text(value);
    } else {
        return value;
    }
}

// ---- reading

template <typename T>
void read_value(const Json& json, T& value);

struct Reader {
    const Json& object;

    template <typename T>
    void operator()(const char* key, T& value) {
        const auto found = object.find(key);
        if (found == object.end())
            return;
        if constexpr (kIsOptional<T>) {
            typename T::value_type item{};
            read_value(*found, item);
            value = std::move(item);
        } else {
            read_value(*found, value);
        }
    }
};

template <typename T>
T known(const std::optional<T>& value) {
    if (!value)
        throw Error(Errc::invalid_argument, "an unknown state, reason or fate");
    return *value;
}

template <typename T>
void read_value(const Json& json, T& value) {
    if constexpr (requires(Reader reader) { fields(reader, value); }) {
        Reader reader{json};
        fields(reader, value);
    } else if constexpr (std::same_as<T, Bytes>) {
        json.get_to(value.value);
    } else if constexpr (std::same_as<T, Duration> || std::same_as<T, std::chrono::microseconds>) {
        value = T(json.get<typename T::rep>());
    } else if constexpr (requires { value.time_since_epoch(); }) {
        const std::chrono::nanoseconds since(json.get<std::int64_t>());
        value = T(std::chrono::duration_cast<typename T::duration>(since));
    } else if constexpr (std::same_as<T, policy::Publish>) {
        value = json == "loopback" ? policy::Publish::loopback : policy::Publish::none;
    } else if constexpr (std::same_as<T, policy::CommandAudit>) {
        value = policy::command_audit_from_text(json.get<std::string>());
    } else if constexpr (std::same_as<T, State>) {
        value = known(state_from_text(json.get<std::string>()));
    } else if constexpr (std::same_as<T, EndReason>) {
        value = known(end_reason_from_text(json.get<std::string>()));
    } else if constexpr (std::same_as<T, LogFate>) {
        value = known(log_fate_from_text(json.get<std::string>()));
    } else {
        json.get_to(value);
    }
}

} // namespace

std::string to_json(const SessionRecord& record) {
    // The log's bytes are the tenant's, and may be no UTF-8.
    return write_value(record).dump(-1, ' ', false, Json::error_handler_t::replace);
}

SessionRecord record_from_json(const std::string& text) {
    try {
        SessionRecord record;
        const Json json = Json::parse(text);
        read_value(json, record);
        if (record.view.id.empty())
            throw Error(Errc::invalid_argument, "a record without an id");
        return record;
    } catch (const Json::exception& error) {
        throw Error(Errc::invalid_argument, std::string("no record of a session: ") + error.what());
    }
}

} // namespace sandbox::manager
