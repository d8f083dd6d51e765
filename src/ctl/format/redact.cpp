#include "ctl/format/redact.hpp"

#include "ctl/format/json_text.hpp"
#include "ctl/format/table.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <span>
#include <sstream>
#include <string_view>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

Json only(const Json& object, std::span<const char* const> names) {
    Json kept = Json::object();
    if (!object.is_object())
        return object;
    for (const auto& [name, value] : object.items()) {
        if (std::ranges::find(names, name) != names.end())
            kept[name] = value;
        else if (value.is_string())
            kept[name] = left_out(value.get<std::string>());
        else
            kept[name] = "(left out)";
    }
    return kept;
}

constexpr std::array kOfSession{"id",         "tenant",         "policy",  "state",  "health",
                                "pid",        "address",        "port",    "limits", "published_port",
                                "created_at", "ready_at",       "expires", "usage",  "last_activity_at",
                                "restarts",   "restart_reason", "engine",  "end",    "rest",
                                "autosave"};
constexpr std::array kOfEnd{"reason",    "at",          "exit_status", "signal",
                            "oom_kills", "cpu_seconds", "pressure",    "memory_peak_bytes"};
constexpr std::array kOfAutosave{"last_at", "restored_at", "file"};
constexpr std::array kOfAudit{"at", "action", "actor", "tenant", "session", "outcome", "took_seconds"};

void redact_names(Json& list) {
    if (!list.is_array())
        return;
    for (Json& process : list)
        if (process.is_object() && process.contains("name") && process["name"].is_string() &&
            process["name"] != "sandbox-init" && process["name"] != "ChimeraX")
            process["name"] = left_out(process["name"].get<std::string>());
}

/// "  File "/usr/lib/…/x.py", line 12, in run": of the program's own files, not of a script that a tenant
/// brought.
bool is_frame(std::string_view line) {
    const std::size_t start = line.find_first_not_of(' ');
    if (start == std::string_view::npos)
        return false;
    line.remove_prefix(start);
    return line.starts_with("File \"/usr/") || line.starts_with("File \"/opt/");
}

bool is_known(std::string_view line) {
    constexpr std::string_view kReady = "REST server started on host ";
    if (line.starts_with(kReady))
        return std::ranges::all_of(line.substr(kReady.size()), [](unsigned char c) {
            return std::isdigit(c) != 0 || c == '.' || c == ' ' || c == 'p' || c == 'o' || c == 'r' ||
                   c == 't';
        });
    for (const std::string_view whole :
         {"Traceback (most recent call last):", "Fatal Python error: Segmentation fault",
          "Fatal Python error: Aborted", "MemoryError"})
        if (line == whole)
            return true;
    return is_frame(line);
}

} // namespace

std::string left_out(const std::string& text) {
    return "(" + std::to_string(text_width(text)) + " characters left out)";
}

Json redacted_session(const Json& session) {
    Json kept = only(session, kOfSession);
    if (kept.contains("end"))
        kept["end"] = only(kept["end"], kOfEnd);
    if (kept.contains("autosave"))
        kept["autosave"] = only(kept["autosave"], kOfAutosave);
    return kept;
}

Json redacted_inspect(const Json& inspected) {
    Json kept = inspected;
    if (!kept.is_object())
        return kept;
    for (const char* list : {"processes", "foreign", "outside"})
        if (kept.contains(list))
            redact_names(kept[list]);
    return kept;
}

Json redacted_audit(const Json& list) {
    Json entries = Json::array();
    if (const Json& all = member(list, {"entries"}); all.is_array())
        for (const Json& entry : all)
            entries.push_back(only(entry, kOfAudit));
    return {{"entries", std::move(entries)}, {"truncated", member(list, {"truncated"})}};
}

std::string redacted_log(const std::string& log) {
    std::istringstream lines(log);
    std::string kept;
    for (std::string line; std::getline(lines, line);)
        kept += (is_known(line) ? line : left_out(line)) + "\n";
    return kept;
}

} // namespace sandbox::ctl
