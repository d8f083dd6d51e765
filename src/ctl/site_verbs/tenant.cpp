#include "ctl/context/verbs.hpp"
#include "ctl/doctor/host_checks.hpp"
#include "ctl/format/json_text.hpp"
#include "ctl/policy/new_site_file.hpp"
#include "ctl/policy/policy_source.hpp"

#include <iomanip>
#include <memory>
#include <ostream>
#include <sstream>
#include <utility>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

std::string joined(const Json& texts) {
    std::string all;
    if (texts.is_array())
        for (const Json& text : texts)
            all += (all.empty() ? "" : ", ") + (text.is_string() ? text.get<std::string>() : text.dump());
    return all.empty() ? "-" : all;
}

void list(Context& context) {
    const Json answer = context.api().get("/v1/tenants");
    if (context.json()) {
        context.print(answer);
        return;
    }
    Table table({{"NAME"},
                 {"SESSIONS", Align::right},
                 {"MEMORY", Align::right},
                 {"CPUS", Align::right},
                 {"PIDS", Align::right},
                 {"POLICIES", Align::left, true},
                 {"DESCRIPTION", Align::left, true}});
    for (const Json& tenant : answer.at("tenants")) {
        if (context.globals.quiet || context.globals.format == Format::id)
            context.terminal.out << word(tenant, {"name"}) << "\n";
        else
            table.add({word(tenant, {"name"}), word(tenant, {"max_sessions"}),
                       bytes_word(tenant, {"limits", "memory_bytes"}), word(tenant, {"limits", "cpus"}),
                       word(tenant, {"limits", "pids"}), joined(member(tenant, {"policies"})),
                       word(tenant, {"description"})});
    }
    if (!context.globals.quiet && context.globals.format != Format::id)
        context.print(table);
}

void show(Context& context, const std::string& name) {
    const Json tenant = context.api().get("/v1/tenants/" + encode_component(name));
    if (context.json()) {
        context.print(tenant);
        return;
    }
    Table table({{"name"}, {"value", Align::left, true}});
    table.add({"Tenant", word(tenant, {"name"})});
    table.add({"Description", word(tenant, {"description"})});
    table.add({"Sessions, at most", word(tenant, {"max_sessions"})});
    table.add({"Memory", bytes_word(tenant, {"limits", "memory_bytes"})});
    table.add({"CPUs", word(tenant, {"limits", "cpus"})});
    table.add({"CPU weight", word(tenant, {"limits", "cpu_weight"})});
    table.add({"PIDs", word(tenant, {"limits", "pids"})});
    table.add({"Policies", joined(member(tenant, {"policies"}))});
    table.add({"Users", joined(member(tenant, {"users"}))});
    context.terminal.out << table.text(context.terminal.width, false);
}

std::string number_word(const Json& object, const char* key, int places) {
    const Json value = member(object, {key});
    if (!value.is_number())
        return "-";
    std::ostringstream text;
    text << std::fixed << std::setprecision(places) << value.get<double>();
    return text.str();
}

struct Days {
    std::string tenant, since, until;
};

void usage(Context& context, const Days& wanted) {
    std::string path = "/v1/tenants/" + encode_component(wanted.tenant) + "/usage", separator = "?";
    for (const auto& [name, value] : {std::pair("since", wanted.since), std::pair("until", wanted.until)}) {
        if (!value.empty())
            path += std::exchange(separator, "&") + name + "=" + encode_component(value);
    }
    const Json answer = context.api().get(path);
    if (context.json()) {
        context.print(answer);
        return;
    }
    Table table({{"DAY"},
                 {"SESSIONS", Align::right},
                 {"SESSION HOURS", Align::right},
                 {"CPU SECONDS", Align::right},
                 {"MEMORY GB HOURS", Align::right}});
    const auto add = [&](const std::string& day, const Json& part) {
        table.add({day, word(part, {"sessions"}), number_word(part, "session_hours", 2),
                   number_word(part, "cpu_seconds", 1), number_word(part, "memory_gb_hours", 3)});
    };
    for (const Json& day : answer.at("days"))
        add(word(day, {"day"}), day);
    add("total", answer.at("total"));
    context.print(table);
}

struct NewTenant {
    std::string name, config = kSiteSettings;
    std::vector<std::string> policies;
};

void make(Context& context, const NewTenant& wanted) {
    const std::string file =
        write_new_tenant(settings_of(wanted.config), wanted.name,
                         wanted.policies.empty() ? std::vector<std::string>{"default"} : wanted.policies);
    if (context.json())
        context.print(Json{{"name", wanted.name}, {"file", file}});
    else
        context.say(file +
                    " is written: change what you like in it, then `sandboxctl admin reload` puts it in "
                    "force.");
}

} // namespace

void add_tenant(Verb& app, Context& context) {
    Verb verb = app.add_verb("tenant", "Look at tenants (admin), at what they use, and make new ones");
    verb.require_verb();
    verb.add_verb("ls", "List the tenants").run([&context] { list(context); });
    const auto name = std::make_shared<std::string>();
    Verb part = verb.add_verb("show", "Show one tenant");
    part.option("NAME", *name, "The tenant").of("TENANT").required();
    part.run([name, &context] { show(context, *name); });
    const auto days = std::make_shared<Days>();
    part = verb.add_verb("usage", "What its sessions have used, by day of UTC: a tenant may see its own");
    part.option("NAME", days->tenant, "The tenant").of("TENANT").required();
    part.option("--since", days->since, "The first day, as 2026-01-31; 29 days ago unless given").of("DAY");
    part.option("--until", days->until, "The last day; today unless given").of("DAY");
    part.run([days, &context] { usage(context, *days); });
    const auto wanted = std::make_shared<NewTenant>();
    part = verb.add_verb("new", "Write the file of a new tenant, where the site's files are; as root");
    part.option("NAME", wanted->name, "Its name: 1 to 32 of a-z, 0-9 and _").required();
    part.option("--policy", wanted->policies,
                "A policy that it may use, the first where a caller names none; may come again; default "
                "unless given")
        .of("POLICY");
    part.option("--config", wanted->config, "The site's settings").of("FILE").show_default();
    part.run([wanted, &context] { make(context, *wanted); });
}

} // namespace sandbox::ctl
