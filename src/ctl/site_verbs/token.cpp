#include "ctl/context/verbs.hpp"
#include "ctl/format/json_text.hpp"

#include <chrono>
#include <memory>
#include <ostream>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

struct NewToken {
    std::string role, tenant, session, name, ttl;
};

/// The secret alone on standard output, so that it can go into a file.
void make(Context& context, const NewToken& asked) {
    const ApiClient api = context.api();
    Json body = Json::object();
    for (const auto& [key, value] :
         {std::pair("role", asked.role), std::pair("tenant", asked.tenant), std::pair("name", asked.name)})
        if (!value.empty())
            body[key] = value;
    if (!asked.session.empty())
        body["session"] = api.find_session(asked.session);
    if (!asked.ttl.empty())
        body["ttl_seconds"] = std::chrono::duration<double>(parse_duration(asked.ttl)).count();
    const Json token = api.post("/v1/tokens", body, context.globals.timeout.value_or(kAnswerTimeout));
    if (context.json()) {
        context.print(token);
        return;
    }
    const bool id_only = context.globals.format == Format::id;
    context.terminal.out << word(token, {id_only ? "id" : "token"}) << "\n";
    if (!context.globals.quiet && !id_only)
        context.terminal.err << "Token " << word(token, {"id"}) << " is shown this once; it holds until "
                             << word(token, {"expires_at"}) << ".\n";
}

void list(Context& context, const std::string& tenant, bool all) {
    const std::string query = tenant.empty() ? "" : "?tenant=" + encode_component(tenant);
    Json answer = context.api().get("/v1/tokens" + query);
    if (context.json()) {
        context.print(answer);
        return;
    }
    Table table({{"ID"},
                 {"ROLE"},
                 {"TENANT"},
                 {"SESSION"},
                 {"STATE"},
                 {"EXPIRES"},
                 {"LAST USED"},
                 {"NAME", Align::left, true}});
    const auto now = std::chrono::system_clock::now();
    const bool ids_only = context.globals.quiet || context.globals.format == Format::id;
    for (const Json& token : answer.at("tokens")) {
        if (!all && word(token, {"state"}) != "active")
            continue;
        if (ids_only)
            context.terminal.out << word(token, {"id"}) << "\n";
        else
            table.add({word(token, {"id"}), word(token, {"role"}), word(token, {"tenant"}),
                       word(token, {"session"}), word(token, {"state"}), word(token, {"expires_at"}),
                       age_word(token, {"last_used_at"}, now), word(token, {"name"})});
    }
    if (!ids_only)
        context.print(table);
}

void revoke(Context& context, const std::vector<std::string>& ids) {
    const ApiClient api = context.api();
    for (const std::string& id : ids) {
        const Json token = api.remove("/v1/tokens/" + encode_component(id),
                                      context.globals.timeout.value_or(kAnswerTimeout));
        if (context.json())
            context.print(token);
        else
            context.say(word(token, {"id"}) + " is revoked, with all that were made with it.");
    }
}

} // namespace

void add_token(Verb& app, Context& context) {
    Verb verb = app.add_verb("token", "Make, list and revoke API tokens");
    verb.require_verb();

    const auto asked = std::make_shared<NewToken>();
    Verb part = verb.add_verb("new", "Make a token; standard output has it, this once");
    part.option("--role", asked->role, "monitor, session, tenant or admin; tenant unless given");
    part.option("-t,--tenant", asked->tenant, "The tenant that it acts for (admin)");
    part.option("--session", asked->session, "The one session that it opens");
    part.option("--name", asked->name, "What it is for");
    part.option("--ttl", asked->ttl, "How long it holds, as 12h or 30d; 90d unless given");
    part.run([asked, &context] { make(context, *asked); });

    const auto tenant = std::make_shared<std::string>();
    const auto all = std::make_shared<bool>(false);
    part = verb.add_verb("ls", "List the tokens that hold");
    part.option("-t,--tenant", *tenant, "Only of that tenant");
    part.flag("-a,--all", *all, "Those that expired or were revoked, too");
    part.run([tenant, all, &context] { list(context, *tenant, *all); });

    const auto ids = std::make_shared<std::vector<std::string>>();
    part = verb.add_verb("revoke", "Let tokens hold no more, and all that were made with them");
    part.option("ID", *ids, "The tokens' ids").required();
    part.run([ids, &context] { revoke(context, *ids); });
}

} // namespace sandbox::ctl
