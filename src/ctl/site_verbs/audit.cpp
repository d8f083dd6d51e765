#include "ctl/context/verbs.hpp"
#include "ctl/format/json_text.hpp"

#include <chrono>
#include <memory>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

struct Options {
    std::string session, tenant, since, until;
    std::optional<std::uint64_t> limit;
};

/// A time as the API takes it, or a span before now.
std::string time_of(const std::string& text, const char* option) {
    if (parse_time(text))
        return text;
    try {
        return format_time(std::chrono::system_clock::now() - parse_duration(text));
    } catch (const Error&) {
        throw Error(Errc::invalid_argument, std::string(option) + " " + text + " is not a time",
                    "Write 2026-01-31T09:05:07Z, or a span before now as 2h.", option);
    }
}

std::string target_of(const ApiClient& api, const Options& options) {
    std::string target = "/v1/audit";
    const auto add = [&](const char* name, const std::string& value) {
        target += target.find('?') == std::string::npos ? "?" : "&";
        target += std::string(name) + "=" + encode_component(value);
    };
    if (!options.since.empty())
        add("since", time_of(options.since, "--since"));
    if (!options.until.empty())
        add("until", time_of(options.until, "--until"));
    if (!options.tenant.empty())
        add("tenant", options.tenant);
    if (options.limit)
        add("limit", std::to_string(*options.limit));
    if (!options.session.empty())
        add("session", api.find_session(options.session));
    return target;
}

/// The commands, or the start of the hash of each, after what is said of it.
std::string detail_of(const Json& entry) {
    constexpr std::size_t kOfHash = 12;
    std::string text;
    const auto add = [&](const std::string& more) { text += (text.empty() ? "" : "; ") + more; };
    if (member(entry, {"detail"}).is_string())
        add(word(entry, {"detail"}));
    if (const Json& commands = member(entry, {"commands"}); commands.is_array())
        for (const Json& command : commands)
            add(command.is_string() ? command.get<std::string>() : std::string());
    if (const Json& hashes = member(entry, {"command_hashes"}); hashes.is_array())
        for (const Json& hash : hashes)
            add("hash " + (hash.is_string() ? hash.get<std::string>().substr(0, kOfHash) : std::string()));
    if (const Json& more = member(entry, {"commands_left_out"}); more.is_number())
        add(more.dump() + " more");
    return text.empty() ? "-" : text;
}

void audit(Context& context, const Options& options) {
    const ApiClient api = context.api();
    const Json answer = api.get(target_of(api, options));
    if (context.json()) {
        context.print(answer);
        return;
    }
    Table table({{"AT"},
                 {"ACTION"},
                 {"OUTCOME"},
                 {"SESSION"},
                 {"TENANT", Align::left, true},
                 {"ACTOR", Align::left, true},
                 {"DETAIL", Align::left, true}});
    for (const Json& entry : answer.at("entries"))
        table.add({word(entry, {"at"}), word(entry, {"action"}), word(entry, {"outcome"}),
                   word(entry, {"session"}), word(entry, {"tenant"}), word(entry, {"actor"}),
                   detail_of(entry)});
    context.print(table);
    if (member(answer, {"truncated"}) == true && !context.globals.quiet)
        context.terminal.err
            << "sandboxctl: older ones fit too: narrow it down, or ask for more by --limit\n";
}

} // namespace

void add_audit(Verb& app, Context& context) {
    const auto options = std::make_shared<Options>();
    Verb verb = app.add_verb("audit", "Show who did what, and what came of it: the newest that fit");
    verb.option("--session", options->session, "Only of this session; the start of its id is enough")
        .of("ID");
    verb.option("-t,--tenant", options->tenant, "Only of this tenant").of("TENANT");
    verb.option("--since", options->since, "From then on: 2026-01-31T09:05:07Z, or 2h before now").of("TIME");
    verb.option("--until", options->until, "Before then").of("TIME");
    verb.option("-n,--limit", options->limit, "At most so many, 100 unless given, 1000 at most").of("N");
    verb.run([options, &context] { audit(context, *options); });
}

} // namespace sandbox::ctl
