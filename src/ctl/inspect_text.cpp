#include "inspect_text.hpp"

#include "session_text.hpp"
#include "words.hpp"

#include <charconv>
#include <sstream>

#include <nlohmann/json.hpp>
#include <sys/capability.h>

namespace sandbox::ctl {
namespace {

std::string heading(const Terminal& terminal, const std::string& title) {
    return "\n" + painted(terminal, title, Colour::bold) + "\n";
}

std::string indent(const std::string& text) {
    std::istringstream lines(text);
    std::string all;
    for (std::string line; std::getline(lines, line);)
        all += "  " + line + "\n";
    return all;
}

/// Two columns. The value of a cgroup file may have several lines: each gets a line of its own.
std::string name_value_table(const Terminal& terminal, const Json& object) {
    Table table({{"name"}, {"value", Align::left, true}});
    if (object.is_object())
        for (const auto& [name, value] : object.items()) {
            std::istringstream lines(value.is_string() ? value.get<std::string>()
                                                       : word(object, {name.c_str()}));
            std::string first = name;
            for (std::string line; std::getline(lines, line); first.clear())
                table.add({first, line});
        }
    return indent(table.text(terminal.width > 2 ? terminal.width - 2 : 0, false));
}

std::string array_table(const Terminal& terminal, const Json& items, const std::vector<const char*>& keys,
                        std::vector<Column> columns) {
    Table table(std::move(columns));
    if (items.is_array())
        for (const Json& item : items) {
            std::vector<std::string> cells;
            for (const char* key : keys)
                cells.push_back(word(item, {key}));
            table.add(std::move(cells));
        }
    return indent(table.text(terminal.width > 2 ? terminal.width - 2 : 0, true));
}

std::string cgroup_part(const Terminal& terminal, const Json& inspected) {
    const Json& cgroup = member(inspected, {"cgroup"});
    std::string text = heading(terminal, "Cgroup " + printable(word(cgroup, {"path"})));
    text += name_value_table(terminal, member(cgroup, {"files"}));
    if (const Json& payload = member(cgroup, {"payload"}); payload.is_object())
        text += heading(terminal, "Cgroup payload/ (ChimeraX)") + name_value_table(terminal, payload);
    return text;
}

std::string namespaces_part(const Terminal& terminal, const Json& inspected) {
    std::string text = heading(terminal, "Namespaces");
    const Json& all = member(inspected, {"namespaces"});
    if (!all.is_object())
        return text;
    Table table({{"kind"}, {"id"}, {"whose"}});
    for (const auto& [kind, value] : all.items()) {
        const bool is_object = value.is_object();
        table.add({kind, is_object ? word(value, {"id"}) : word(all, {kind.c_str()}),
                   is_object ? (word(value, {"private"}) == "yes" ? "its own" : "THE HOST'S") : "-"});
    }
    return text + indent(table.text(terminal.width, false));
}

std::string seccomp_words(const std::string& mode) {
    if (mode == "2")
        return "filter";
    return mode == "0" ? "NONE" : mode;
}

std::string confinement_part(const Terminal& terminal, const Json& inspected) {
    Json facts = Json::object();
    for (const char* name : {"uid", "uid_map", "gid_map"})
        facts[name] = word(inspected, {name});
    facts["seccomp"] = seccomp_words(word(inspected, {"seccomp"}));
    facts["no_new_privs"] = word(inspected, {"no_new_privs"});
    const Json& capabilities = member(inspected, {"capabilities"});
    if (capabilities.is_object())
        for (const auto& [set, mask] : capabilities.items()) {
            std::string names;
            for (const std::string& name :
                 capability_names(mask.is_string() ? mask.get<std::string>() : std::string()))
                names += (names.empty() ? "" : " ") + name;
            facts["capabilities " + set] = names.empty() ? "none" : names;
        }
    return heading(terminal, "Confinement") + name_value_table(terminal, facts);
}

/// The address that the launcher gave it; the kernel's own lists are in the JSON.
std::string network_part(const Terminal& terminal, const Json& inspected) {
    Json facts = Json::object();
    facts["address"] = word(inspected, {"address"});
    const Json& addresses = member(inspected, {"addresses"});
    const Json& interfaces = addresses.is_array() ? addresses : member(addresses, {"interfaces"});
    std::string names;
    if (interfaces.is_array())
        for (const Json& item : interfaces)
            names += (names.empty() ? "" : " ") + (item.is_string() ? item.get<std::string>() : item.dump());
    facts["interfaces"] = names.empty() ? "-" : names;
    facts["ipv6"] = word(addresses, {"ipv6"}) == "-" ? "none" : word(addresses, {"ipv6"});
    return heading(terminal, "Network") + name_value_table(terminal, facts);
}

std::string lines_part(const Terminal& terminal, const std::string& title, const Json& lines) {
    std::string text;
    if (lines.is_array())
        for (const Json& line : lines)
            text += printable(line.is_string() ? line.get<std::string>() : line.dump()) + "\n";
    return text.empty() ? "" : heading(terminal, title) + indent(text);
}

std::string timeline_part(const Terminal& terminal, const Json& inspected) {
    const Json& steps = member(inspected, {"timeline"});
    if (!steps.is_array() || steps.empty())
        return {};
    Table table({{"step"}, {"at", Align::right}});
    for (const Json& step : steps)
        table.add(
            {word(step, {"step"}), word(Json{{"ms", member(step, {"microseconds"}).is_number()
                                                        ? member(step, {"microseconds"}).get<double>() / 1000
                                                        : 0.0}},
                                        {"ms"}) +
                                       " ms"});
    return heading(terminal, "Start timeline") + indent(table.text(terminal.width, false));
}

} // namespace

std::vector<std::string> capability_names(const std::string& hex_mask) {
    std::uint64_t mask = 0;
    const char* end = hex_mask.data() + hex_mask.size();
    const auto parsed = std::from_chars(hex_mask.data(), end, mask, 16);
    if (parsed.ec != std::errc() || parsed.ptr != end)
        return {"?"};
    std::vector<std::string> names;
    for (int number = 0; number < 64; ++number) {
        if ((mask >> number & 1) == 0)
            continue;
        char* name = ::cap_to_name(static_cast<cap_value_t>(number));
        names.emplace_back(name != nullptr ? name : "cap_" + std::to_string(number));
        ::cap_free(name);
    }
    return names;
}

std::string inspect_text(const Terminal& terminal, const Json& session, const Json& inspected) {
    std::string text = session_text(session, std::chrono::system_clock::now());
    text += cgroup_part(terminal, inspected);
    text += heading(terminal, "Processes");
    text += array_table(terminal, member(inspected, {"processes"}),
                        {"pid", "group", "name", "state", "threads", "resident"},
                        {{"PID", Align::right},
                         {"GROUP"},
                         {"NAME"},
                         {"STATE"},
                         {"THREADS", Align::right},
                         {"RESIDENT", Align::right}});
    text += namespaces_part(terminal, inspected);
    text += confinement_part(terminal, inspected);
    text += network_part(terminal, inspected);
    text += heading(terminal, "Mounts");
    text += array_table(terminal, member(inspected, {"mounts"}), {"target", "type", "options", "super"},
                        {{"TARGET", Align::left, true},
                         {"TYPE"},
                         {"OPTIONS", Align::left, true},
                         {"SUPER", Align::left, true}});
    text += lines_part(terminal, "Limits (prlimit)", member(inspected, {"limits"}));
    text += lines_part(terminal, "Not enforced", member(inspected, {"not_enforced"}));
    return text + timeline_part(terminal, inspected);
}

} // namespace sandbox::ctl
