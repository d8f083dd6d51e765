#include "ctl/context/progress.hpp"
#include "ctl/context/verbs.hpp"
#include "ctl/format/json_text.hpp"
#include "ctl/jobs/limit_options.hpp"
#include "ctl/views/session_text.hpp"

#include <memory>
#include <ostream>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

constexpr Duration kReadyTimeout = std::chrono::minutes(2);

struct Options {
    std::string tenant, policy, name, queue_timeout;
    std::vector<std::string> labels, environment;
    SessionWishes wishes;
    bool wait = false;
};

Json body_of(const Options& options) {
    Json body = Json::object();
    const auto add_text = [&](const char* key, const std::string& value) {
        if (!value.empty())
            body[key] = value;
    };
    add_text("tenant", options.tenant);
    add_text("policy", options.policy);
    add_text("name", options.name);
    if (!options.labels.empty())
        body["labels"] = pairs(options.labels, "--label");
    if (!options.environment.empty())
        body["env"] = pairs(options.environment, "--env");
    put_wishes(options.wishes, body);
    if (!options.queue_timeout.empty())
        body["queue_timeout_seconds"] = seconds_of(options.queue_timeout);
    return body;
}

void create(Context& context, const Options& options) {
    std::string target = "/v1/sessions";
    Duration deadline = kAnswerTimeout;
    if (options.wait) {
        const Duration ready = context.globals.timeout.value_or(kReadyTimeout);
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(ready).count();
        target += "?wait=ready&timeout=" + std::to_string(seconds);
        deadline = ready + kAnswerTimeout;
    }
    Json session;
    {
        const Progress progress(context, "making a session");
        session = context.api().post(target, body_of(options), deadline);
    }
    if (context.globals.quiet && context.globals.format == Format::usual)
        context.terminal.out << word(session, {"id"}) << "\n"; // it is what was asked for
    else
        print_session(context, session, Format::id);
    const std::string state = word(session, {"state"});
    if (options.wait && state != "ready" && state != "busy") {
        throw Error(Errc::timed_out, "session " + word(session, {"id"}) + " is made, but still " + state,
                    "Go on with `sandboxctl wait " + word(session, {"id"}) + "`.");
    }
}

} // namespace

void add_create(Verb& app, Context& context) {
    const auto options = std::make_shared<Options>();
    Verb verb = app.add_verb("create", "Make a session; its id is printed");
    verb.option("-t,--tenant", options->tenant, "Whose session; may be left out by a tenant itself")
        .of("TENANT");
    verb.option("-p,--policy", options->policy, "Under which policy; else the tenant's first").of("POLICY");
    verb.option("-n,--name", options->name, "A name for people");
    verb.option("-l,--label", options->labels, "A label KEY=VALUE; may come again").of("KEY=VALUE");
    verb.option("-e,--env", options->environment, "A variable NAME=VALUE for ChimeraX; may come again")
        .of("NAME=VALUE");
    verb.option("--memory", options->wishes.memory, "Its memory limit, as 6G, within the policy's ceiling")
        .of("SIZE");
    verb.option("--cpus", options->wishes.cpus, "Its CPU limit, within the policy's ceiling").of("N");
    verb.option("--pids", options->wishes.pids, "Its limit of processes, within the policy's ceiling")
        .of("N");
    verb.option("--idle", options->wishes.idle,
                "End it after so long without use, as 30m; never later than the policy")
        .of("TIME");
    verb.option("--max-life", options->wishes.max_life,
                "End it after so long, as 8h; never later than the policy")
        .of("TIME");
    verb.option(
            "--max-restarts", options->wishes.max_restarts,
            "Start ChimeraX again at most so often after a crash; 0: never, nor more often than the policy")
        .of("N");
    verb.option("--queue-timeout", options->queue_timeout,
                "Wait so long for a place, as 5m; 0: exit with 5 rather than wait")
        .of("TIME");
    verb.flag("-w,--wait", options->wait, "Return when it is ready (--timeout, else 2m)");
    verb.run([options, &context] { create(context, *options); });
}

} // namespace sandbox::ctl
