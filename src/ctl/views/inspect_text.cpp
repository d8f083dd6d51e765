#include "ctl/views/inspect_text.hpp"

#include "ctl/format/json_text.hpp"
#include "ctl/views/session_text.hpp"

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
    for (const auto& [group, whose] : {std::pair{"payload", "ChimeraX"}, std::pair{"init", "sandbox-init"}})
        if (const Json& files = member(cgroup, {group}); files.is_object())
            text += heading(terminal, "Cgroup " + std::string(group) + "/ (" + whose + ")") +
                    name_value_table(terminal, files);
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
    for (const char* name : {"uid", "uid_map", "gid_map", "nested_user_namespaces"})
        facts[name] = word(inspected, {name});
    facts["seccomp"] = seccomp_words(word(inspected, {"seccomp"}));
    if (const std::string profile = word(inspected, {"promise", "seccomp_profile"}); profile != "-")
        facts["seccomp"] = facts["seccomp"].get<std::string>() + ", profile " + profile +
                           (member(inspected, {"promise", "learns"}) == true ? ", calls counted" : "");
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

/// The address that the launcher gave it, and what the kernel says of it.
std::string network_part(const Terminal& terminal, const Json& inspected) {
    Json facts = Json::object();
    facts["address"] = word(inspected, {"address"});
    const Json& addresses = member(inspected, {"addresses"});
    const Json& interfaces = addresses.is_array() ? addresses : member(addresses, {"interfaces"});
    facts["interfaces"] = joined(interfaces);
    facts["addresses"] = joined(member(addresses, {"addresses"}));
    std::string routes;
    if (const Json& all = member(addresses, {"routes"}); all.is_array())
        for (const Json& route : all)
            routes += (routes.empty() ? "" : ", ") + word(route, {"to"}) + "/" + word(route, {"mask"}) +
                      " dev " + word(route, {"device"});
    facts["routes"] = routes.empty() ? "none" : routes;
    facts["ipv6"] = word(addresses, {"ipv6"}) == "-" ? "none" : word(addresses, {"ipv6"});
    const Json& published = member(inspected, {"published"});
    facts["published"] = published.is_object() ? word(published, {"bound"}) : "no port";
    return heading(terminal, "Network") + name_value_table(terminal, facts);
}

/// How many there are, where not all are shown.
std::string processes_title(const Json& inspected, std::size_t shown) {
    const std::string all = word(inspected, {"examined"});
    if (all == "-" || all == std::to_string(shown))
        return "Processes";
    return "Processes (" + std::to_string(shown) + " of " + all + ")";
}

std::string trimmed(std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    return line;
}

std::string lines_part(const Terminal& terminal, const std::string& title, const Json& lines) {
    std::string text;
    if (lines.is_array())
        for (const Json& line : lines)
            text += trimmed(printable(line.is_string() ? line.get<std::string>() : line.dump())) + "\n";
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

std::string inspect_text(const Terminal& terminal, const Json& session, const Json& inspected,
                         std::chrono::system_clock::time_point now) {
    std::string text = session_text(session, now);
    text += cgroup_part(terminal, inspected);
    const Json& processes = member(inspected, {"processes"});
    text += heading(terminal, processes_title(inspected, processes.is_array() ? processes.size() : 0));
    text += array_table(terminal, processes, {"pid", "group", "name", "state", "threads", "resident"},
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
