#include "policy/schema/semantic_checks.hpp"
#include "sandbox/policy/loader.hpp"

#include <array>
#include <cstdio>

namespace sandbox::policy {
namespace {

std::string quote(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte == 0x7f) {
            std::array<char, 8> hex{};
            std::snprintf(hex.data(), hex.size(), "\\u%04X", static_cast<unsigned>(byte));
            out += hex.data();
        } else {
            out += c;
        }
    }
    return out + '"';
}

std::string quote(const std::optional<Bytes>& size) {
    return size ? quote(size->text()) : "\"none\"";
}

std::string real(const std::optional<double>& number) {
    return number ? number_text(*number) : "\"none\"";
}

std::string whole(const std::optional<std::uint64_t>& number) {
    return number ? std::to_string(*number) : "\"none\"";
}

std::string quote(const std::optional<Duration>& duration) {
    return duration ? quote(format_duration(*duration)) : "\"none\"";
}

/// Writes `key = value` lines and the tables' heads.
class Writer {
  public:
    void table(const char* name) { out_ += std::string(out_.empty() ? "" : "\n") + "[" + name + "]\n"; }
    void line(std::string_view key, const std::string& value) {
        out_ += std::string(key) + " = " + value + "\n";
    }
    void text(const char* key, const std::string& value) { line(key, quote(value)); }
    void texts(const char* key, const std::vector<std::string>& values) {
        std::vector<std::string> items;
        for (const std::string& value : values)
            items.push_back(quote(value));
        array(key, items);
    }
    void array(const char* key, const std::vector<std::string>& items) {
        std::string value = "[";
        for (const std::string& item : items)
            value += "\n  " + item + ",";
        line(key, value + (items.empty() ? "]" : "\n]"));
    }
    std::string take() { return std::move(out_); }

  private:
    std::string out_;
};

std::string bind_text(const Bind& bind) {
    if (bind.target == bind.source && !bind.optional)
        return quote(bind.source);
    std::string text = "{ source = " + quote(bind.source);
    if (bind.target != bind.source)
        text += ", target = " + quote(bind.target);
    if (bind.optional)
        text += ", optional = true";
    return text + " }";
}

void write_chimerax(Writer& out, const ChimeraX& chimerax) {
    out.table("chimerax");
    out.text("executable", chimerax.executable.value_or("auto"));
    out.texts("arguments", chimerax.arguments);
    out.text("start_timeout", format_duration(chimerax.start_timeout));
    out.text("command_timeout", format_duration(chimerax.command_timeout));
    out.text("grace", format_duration(chimerax.grace));
    out.table("chimerax.environment");
    for (const auto& [name, value] : chimerax.environment)
        out.line(name, quote(value));
}

void write_resources(Writer& out, const Resources& resources) {
    out.table("resources");
    out.text("enforcement", resources.enforcement == Enforcement::strict ? "strict" : "best-effort");
    out.text("memory_max", resources.memory_max.text());
    out.line("memory_high", quote(resources.memory_high));
    out.text("memory_swap_max", resources.memory_swap_max.text());
    out.line("cpus", real(resources.cpus));
    out.line("cpu_weight", std::to_string(resources.cpu_weight));
    out.line("pids_max", std::to_string(resources.pids_max));
    out.line("descendants_max", std::to_string(resources.descendants_max));
    out.line("nofile", std::to_string(resources.nofile));
    out.text("core_size", resources.core_size.text());
    out.text("file_size", resources.file_size.text());
}

void write_tmpfs(Writer& out, const char* table, const Tmpfs& tmpfs) {
    out.table(table);
    out.text("size", tmpfs.size.text());
    out.line("inodes", std::to_string(tmpfs.inodes));
}

void write_filesystem(Writer& out, const Filesystem& filesystem) {
    out.table("filesystem");
    std::vector<std::string> binds;
    for (const Bind& bind : filesystem.binds)
        binds.push_back(bind_text(bind));
    out.array("binds", binds);
    out.texts("devices", filesystem.devices);
    write_tmpfs(out, "filesystem.tmp", filesystem.tmp);
    write_tmpfs(out, "filesystem.home", filesystem.home);
    write_tmpfs(out, "filesystem.work", filesystem.work);
    write_tmpfs(out, "filesystem.shm", filesystem.shm);
}

} // namespace

std::string to_toml(const Policy& policy) {
    Writer out;
    out.text("description", policy.description);
    write_chimerax(out, policy.chimerax);
    out.table("lifecycle");
    out.line("freeze_after", quote(policy.lifecycle.freeze_after));
    out.line("end_after", quote(policy.lifecycle.end_after));
    out.line("max_lifetime", quote(policy.lifecycle.max_lifetime));
    out.line("active_cpus", real(policy.lifecycle.active_cpus));
    out.table("recovery");
    out.line("max_restarts", std::to_string(policy.recovery.max_restarts));
    out.line("window", quote(format_duration(policy.recovery.window)));
    out.line("autosave_every", quote(policy.recovery.autosave_every));
    out.table("admission");
    out.line("max_sessions", whole(policy.admission.max_sessions));
    write_resources(out, policy.resources);
    write_filesystem(out, policy.filesystem);
    out.table("network");
    out.text("publish", policy.publish == Publish::loopback ? "loopback" : "none");
    out.table("seccomp");
    out.text("profile", policy.seccomp_profile);
    out.table("logs");
    out.text("size", policy.logs.size.text());
    out.table("audit");
    out.text("commands", std::string(to_text(policy.audit_commands)));
    out.table("override");
    const Ceilings& ceilings = policy.override_ceilings;
    out.line("memory_max", quote(ceilings.memory_max));
    out.line("cpus", real(ceilings.cpus));
    out.line("pids_max", whole(ceilings.pids_max));
    out.line("max_lifetime", quote(ceilings.max_lifetime));
    out.texts("environment", ceilings.environment);
    return out.take();
}

std::string to_toml(const Tenant& tenant) {
    Writer out;
    out.text("description", tenant.description);
    out.line("memory_max", quote(tenant.memory_max));
    out.line("cpus", real(tenant.cpus));
    out.line("pids_max", whole(tenant.pids_max));
    out.line("cpu_weight", std::to_string(tenant.cpu_weight));
    out.line("max_sessions", std::to_string(tenant.max_sessions));
    out.texts("policies", tenant.policies);
    out.texts("users", tenant.users);
    out.texts("token_hashes", tenant.token_hashes);
    return out.take();
}

} // namespace sandbox::policy
