#include "ctl/context/verbs.hpp"
#include "ctl/format/json_text.hpp"
#include "ctl/views/live_screen.hpp"
#include "ctl/views/session_text.hpp"

#include <algorithm>
#include <memory>
#include <ostream>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

struct Options {
    bool all = false, watch = false;
    std::string state, tenant, interval = "2s";
    std::vector<std::string> labels;
};

std::string target_of(const Options& options) {
    std::string target = "/v1/sessions";
    const auto add = [&](const char* name, const std::string& value) {
        target += target.find('?') == std::string::npos ? "?" : "&";
        target += std::string(name) + "=" + encode_component(value);
    };
    if (!options.state.empty())
        add("state", options.state);
    if (!options.tenant.empty())
        add("tenant", options.tenant);
    for (const std::string& label : options.labels)
        add("label", label);
    return target;
}

std::vector<Json> read_list(const Context& context, const Options& options) {
    const Json answer = context.api().get(target_of(options));
    std::vector<Json> sessions;
    for (const Json& session : answer.at("sessions"))
        if (options.all || !options.state.empty() || word(session, {"state"}) != "ended")
            sessions.push_back(session);
    std::ranges::stable_sort(sessions, {}, [](const Json& session) { return word(session, {"created_at"}); });
    return sessions;
}

void watch(Context& context, const Options& options) {
    if (!context.terminal.is_terminal)
        throw Error(Errc::invalid_argument, "--watch needs a terminal",
                    "GET /v1/events tells programs what happens.", "watch");
    std::vector<Json> sessions = read_list(context, options);
    bool fresh = true;
    std::string failure;
    context.exit_status = run_live(
        context.terminal, parse_duration(options.interval),
        [&](const LiveScreen& screen, bool due) {
            if (due && !fresh) {
                try {
                    sessions = read_list(context, options);
                    failure.clear();
                } catch (const Error& error) { // a manager that is upgraded comes again
                    failure = printable(error.what()) + "\n";
                }
            }
            fresh = false;
            return failure + session_table(sessions, std::chrono::system_clock::now())
                                 .text(screen.width(), !context.globals.no_headers);
        },
        [](char) {});
}

void list(Context& context, const Options& options) {
    if (options.watch) {
        watch(context, options);
        return;
    }
    const std::vector<Json> sessions = read_list(context, options);
    if (context.json()) {
        context.print(Json{{"sessions", sessions}});
    } else if (context.globals.quiet || context.globals.format == Format::id) {
        for (const Json& session : sessions)
            context.terminal.out << word(session, {"id"}) << "\n";
    } else {
        context.print(session_table(sessions, std::chrono::system_clock::now()));
    }
}

} // namespace

void add_ls(Verb& app, Context& context) {
    const auto options = std::make_shared<Options>();
    Verb verb = app.add_verb("ls", "List sessions; with -q their ids only");
    verb.flag("-a,--all", options->all, "Ended ones too");
    verb.option("-s,--state", options->state, "Only those in this state").of("STATE");
    verb.option("-t,--tenant", options->tenant, "Only this tenant's").of("TENANT");
    verb.option("-l,--label", options->labels, "Only those with the label KEY=VALUE; may come again")
        .of("KEY=VALUE");
    verb.flag("--watch", options->watch, "Look again and again; q ends");
    verb.option("--interval", options->interval, "How often, with --watch").show_default();
    verb.run([options, &context] { list(context, *options); });
}

void add_status(Verb& app, Context& context) {
    const auto id = std::make_shared<std::string>();
    Verb verb = app.add_verb("status", "Show one session");
    verb.option("ID", *id, "The session; the start of its id is enough").required();
    verb.run([id, &context] {
        const ApiClient api = context.api();
        const Json session = api.get_session(api.find_session(*id));
        print_session(context, session, Format::usual);
        // As the API's 410 is: shown, but no longer there.
        if (member(session, {"end"}).is_object())
            context.exit_status = errc_info(Errc::gone).exit_status;
    });
}

} // namespace sandbox::ctl
