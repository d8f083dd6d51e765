#include "policy/load/policy_reader.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace sandbox::policy {
namespace {

Bytes size_of(const toml::node& node) {
    if (const auto* number = node.as_integer())
        return {static_cast<std::uint64_t>(number->get())};
    return Bytes::parse(node.as_string()->get());
}

std::uint64_t number_of(const toml::node& node) {
    return static_cast<std::uint64_t>(node.as_integer()->get());
}

bool is_unset(const toml::node& node, std::string_view unset = "none") {
    const auto* text = node.as_string();
    return text != nullptr && text->get() == unset;
}

Bind read_bind(const toml::node& node) {
    if (const auto* path = node.as_string())
        return {path->get(), path->get(), false};
    const toml::table& table = *node.as_table();
    Bind bind;
    bind.source = *table["source"].value<std::string>();
    bind.target = table["target"].value_or(bind.source);
    bind.optional = table["optional"].value_or(false);
    return bind;
}

Tmpfs read_tmpfs(const FieldReader& fields, const std::string& name) {
    return {fields.size((name + ".size").c_str()), fields.number((name + ".inodes").c_str())};
}

ChimeraX read_chimerax(const FieldReader& fields) {
    ChimeraX chimerax;
    chimerax.executable = fields.optional_text("chimerax.executable", "auto");
    chimerax.arguments = fields.texts("chimerax.arguments");
    for (const auto& [name, value] : *fields.node("chimerax.environment").as_table())
        chimerax.environment.emplace(name.str(), value.as_string()->get());
    chimerax.start_timeout = fields.duration("chimerax.start_timeout");
    chimerax.command_timeout = fields.duration("chimerax.command_timeout");
    chimerax.grace = fields.duration("chimerax.grace");
    return chimerax;
}

Resources read_resources(const FieldReader& fields) {
    Resources resources;
    resources.enforcement =
        fields.text("resources.enforcement") == "strict" ? Enforcement::strict : Enforcement::best_effort;
    resources.memory_max = fields.size("resources.memory_max");
    resources.memory_high = fields.optional_size("resources.memory_high");
    resources.memory_swap_max = fields.size("resources.memory_swap_max");
    resources.cpus = fields.optional_real("resources.cpus");
    resources.cpu_weight = fields.number("resources.cpu_weight");
    resources.pids_max = fields.number("resources.pids_max");
    resources.descendants_max = fields.number("resources.descendants_max");
    resources.nofile = fields.number("resources.nofile");
    resources.core_size = fields.size("resources.core_size");
    resources.file_size = fields.size("resources.file_size");
    return resources;
}

Filesystem read_filesystem(const FieldReader& fields) {
    Filesystem filesystem;
    for (const toml::node& bind : *fields.node("filesystem.binds").as_array())
        filesystem.binds.push_back(read_bind(bind));
    filesystem.devices = fields.texts("filesystem.devices");
    filesystem.tmp = read_tmpfs(fields, "filesystem.tmp");
    filesystem.home = read_tmpfs(fields, "filesystem.home");
    filesystem.work = read_tmpfs(fields, "filesystem.work");
    filesystem.shm = read_tmpfs(fields, "filesystem.shm");
    return filesystem;
}

struct CommandAuditName {
    CommandAudit audit;
    std::string_view text;
};
constexpr std::array kCommandAudits{CommandAuditName{CommandAudit::none, "none"},
                                    CommandAuditName{CommandAudit::hash, "hash"},
                                    CommandAuditName{CommandAudit::text, "text"}};

} // namespace

std::string_view to_text(CommandAudit audit) {
    return std::ranges::find(kCommandAudits, audit, &CommandAuditName::audit)->text;
}

CommandAudit command_audit_from_text(std::string_view text) {
    const auto* const found = std::ranges::find(kCommandAudits, text, &CommandAuditName::text);
    if (found == kCommandAudits.end()) {
        throw Error(Errc::invalid_argument, "commands are not audited as " + std::string(text),
                    R"(Say "text", "hash" or "none".)", "audit.commands");
    }
    return found->audit;
}

const toml::node& FieldReader::node(const char* field) const {
    const toml::node* found = toml::at_path(table_, field).node();
    if (found == nullptr)
        throw Error(Errc::internal, std::string("the schema gives no default for ") + field);
    return *found;
}

std::string FieldReader::text(const char* field) const {
    return node(field).as_string()->get();
}

std::uint64_t FieldReader::number(const char* field) const {
    return number_of(node(field));
}

Bytes FieldReader::size(const char* field) const {
    return size_of(node(field));
}

Duration FieldReader::duration(const char* field) const {
    return parse_duration(text(field));
}

std::optional<Duration> FieldReader::optional_duration(const char* field) const {
    return is_unset(node(field)) ? std::nullopt : std::optional(duration(field));
}

std::vector<std::string> FieldReader::texts(const char* field) const {
    std::vector<std::string> texts;
    for (const toml::node& item : *node(field).as_array())
        texts.push_back(item.is_integer() ? std::to_string(item.as_integer()->get())
                                          : item.as_string()->get());
    return texts;
}

std::optional<std::string> FieldReader::optional_text(const char* field, const char* unset) const {
    std::string value = text(field);
    return value == unset ? std::nullopt : std::optional(std::move(value));
}

std::optional<std::uint64_t> FieldReader::optional_number(const char* field) const {
    return is_unset(node(field)) ? std::nullopt : std::optional(number(field));
}

std::optional<double> FieldReader::optional_real(const char* field) const {
    return node(field).value<double>();
}

double FieldReader::real(const char* field) const {
    return *node(field).value<double>();
}

std::optional<Bytes> FieldReader::optional_size(const char* field, const char* unset) const {
    return is_unset(node(field), unset) ? std::nullopt : std::optional(size(field));
}

bool is_user_id(const std::string& text) {
    std::uint32_t number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, ec] = std::from_chars(text.data(), end, number);
    return ec == std::errc{} && rest == end && number != UINT32_MAX;
}

Policy read_policy(const toml::table& table) {
    const FieldReader fields(table);
    Policy policy;
    policy.description = fields.text("description");
    policy.chimerax = read_chimerax(fields);
    policy.lifecycle = {
        fields.optional_duration("lifecycle.freeze_after"), fields.optional_duration("lifecycle.end_after"),
        fields.optional_duration("lifecycle.max_lifetime"), fields.optional_real("lifecycle.active_cpus")};
    policy.recovery = {fields.number("recovery.max_restarts"), fields.duration("recovery.window"),
                       fields.optional_duration("recovery.autosave_every")};
    policy.admission.max_sessions = fields.optional_number("admission.max_sessions");
    policy.resources = read_resources(fields);
    policy.filesystem = read_filesystem(fields);
    policy.publish = fields.text("network.publish") == "loopback" ? Publish::loopback : Publish::none;
    policy.seccomp_profile = fields.text("seccomp.profile");
    policy.logs.size = fields.size("logs.size");
    policy.audit_commands = command_audit_from_text(fields.text("audit.commands"));
    policy.override_ceilings = {
        fields.optional_size("override.memory_max"), fields.optional_real("override.cpus"),
        fields.optional_number("override.pids_max"), fields.optional_duration("override.max_lifetime"),
        fields.texts("override.environment")};
    return policy;
}

} // namespace sandbox::policy
