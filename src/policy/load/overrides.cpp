#include "policy/schema/environment_name.hpp"
#include "policy/schema/schema.hpp"
#include "policy/schema/schema_messages.hpp"
#include "policy/schema/semantic_checks.hpp"
#include "sandbox/policy/policy.hpp"

#include <algorithm>

namespace sandbox::policy {
namespace {

constexpr std::size_t kMaxVariables = 64;
constexpr std::size_t kMaxValue = 4096;

template <typename Value>
void check_ceiling(const std::string& policy, const std::string& field, const Value& asked,
                   const std::optional<Value>& ceiling, const std::string& asked_text,
                   const std::string& ceiling_text) {
    if (!ceiling)
        throw Error(Errc::denied,
                    field + ": value " + asked_text + ": policy " + policy + " lets no caller ask for this",
                    "leave it out, or have an admin of the site set override." + field + " in the policy",
                    field);
    if (asked > *ceiling)
        throw Error(Errc::denied,
                    field + ": value " + asked_text + ": policy " + policy + " allows at most " +
                        ceiling_text,
                    "ask for less, or for another policy", field);
}

void check_value(const std::string& field, const toml::node& value) {
    try {
        policy_file_schema().check_value("resources." + field, value);
    } catch (const Error& error) {
        throw Error(error.code(), std::string(error.what()).substr(std::string_view("resources.").size()), {},
                    field);
    }
}

void check_limits(const Policy& policy, const Overrides& asked) {
    const Ceilings& ceilings = policy.override_ceilings;
    if (asked.memory_max) {
        check_value("memory_max", toml::value<std::string>(asked.memory_max->text()));
        check_ceiling(policy.name, "memory_max", *asked.memory_max, ceilings.memory_max,
                      asked.memory_max->text(), ceilings.memory_max.value_or(Bytes{}).text());
    }
    if (asked.cpus) {
        check_value("cpus", toml::value<double>(*asked.cpus));
        check_ceiling(policy.name, "cpus", *asked.cpus, ceilings.cpus, number_text(*asked.cpus),
                      number_text(ceilings.cpus.value_or(0)));
    }
    if (asked.pids_max) {
        // TOML's numbers are signed: all that is more than any limit may be the largest.
        const auto number = static_cast<std::int64_t>(std::min<std::uint64_t>(*asked.pids_max, INT64_MAX));
        check_value("pids_max", toml::value<std::int64_t>(number));
        check_ceiling(policy.name, "pids_max", *asked.pids_max, ceilings.pids_max,
                      std::to_string(*asked.pids_max), std::to_string(ceilings.pids_max.value_or(0)));
    }
}

void check_environment(const Policy& policy, const std::map<std::string, std::string>& environment) {
    if (environment.size() > kMaxVariables)
        throw Error(Errc::invalid_argument,
                    "environment: has " + std::to_string(environment.size()) + " variables: at most " +
                        std::to_string(kMaxVariables) + " are allowed",
                    {}, "environment");
    for (const auto& [name, value] : environment) {
        const std::string field = "environment." + printable(name);
        if (!is_environment_name(name))
            throw Error(Errc::invalid_argument,
                        field + ": the name must have at most 128 letters, digits and _, not a digit first",
                        {}, field);
        if (value.size() > kMaxValue || value.find('\0') != std::string::npos)
            throw Error(Errc::invalid_argument,
                        field + ": the value must have at most 4096 bytes, without NUL", {}, field);
        if (is_reserved_environment(name) || !environment_allows(policy.override_ceilings.environment, name))
            throw Error(
                Errc::denied, field + ": policy " + policy.name + " lets no caller set this variable",
                "leave it out, or have an admin of the site add it to override.environment in the policy",
                field);
    }
}

/// memory_high keeps its share of memory_max, else a session with more memory would be slowed down where the
/// policy's own is.
Bytes scaled(Bytes high, Bytes max_before, Bytes max_after) {
    const long double share =
        static_cast<long double>(high.value) / static_cast<long double>(max_before.value);
    return {static_cast<std::uint64_t>(share * static_cast<long double>(max_after.value))};
}

} // namespace

Policy apply_overrides(const Policy& policy, const Overrides& overrides) {
    check_limits(policy, overrides);
    check_environment(policy, overrides.environment);
    Policy result = policy;
    Resources& resources = result.resources;
    if (overrides.memory_max) {
        if (resources.memory_high)
            resources.memory_high =
                scaled(*resources.memory_high, resources.memory_max, *overrides.memory_max);
        resources.memory_max = *overrides.memory_max;
    }
    if (overrides.cpus)
        resources.cpus = overrides.cpus;
    if (overrides.pids_max)
        resources.pids_max = *overrides.pids_max;
    for (const auto& [name, value] : overrides.environment)
        result.chimerax.environment[name] = value;
    if (const auto complaint = find_memory_complaint(result)) {
        throw Error(Errc::invalid_argument,
                    "memory_max: value " + resources.memory_max.text() + ": " + complaint->must, {},
                    "memory_max");
    }
    return result;
}

} // namespace sandbox::policy
