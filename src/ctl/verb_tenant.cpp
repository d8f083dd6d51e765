#include "verbs.hpp"
#include "words.hpp"

#include <memory>
#include <ostream>

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

} // namespace

void add_tenant(Verb& app, Context& context) {
    Verb verb = app.add_verb("tenant", "Look at tenants (admin)");
    verb.require_verb();
    verb.add_verb("ls", "List the tenants").run([&context] { list(context); });
    const auto name = std::make_shared<std::string>();
    Verb part = verb.add_verb("show", "Show one tenant");
    part.option("NAME", *name, "The tenant").of("TENANT").required();
    part.run([name, &context] { show(context, *name); });
}

} // namespace sandbox::ctl
