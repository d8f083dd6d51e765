#include "ctl/context/verbs.hpp"
#include "ctl/format/json_text.hpp"
#include "ctl/jobs/limit_options.hpp"
#include "ctl/jobs/scoped_session.hpp"
#include "ctl/jobs/script_job.hpp"
#include "ctl/terminal/signals.hpp"
#include "ctl/views/session_text.hpp"

#include <filesystem>
#include <memory>
#include <ostream>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {
namespace fs = std::filesystem;

struct Options {
    std::string tenant, policy;
    SessionWishes wishes;
    std::vector<std::string> labels;
    ScriptJob job;
};

Json wanted_of(const Options& options) {
    Json body = Json::object();
    if (!options.tenant.empty())
        body["tenant"] = options.tenant;
    if (!options.policy.empty())
        body["policy"] = options.policy;
    body["name"] = "run " + fs::path(options.job.scripts.front()).filename().string();
    if (!options.labels.empty())
        body["labels"] = pairs(options.labels, "--label");
    put_wishes(options.wishes, body);
    body["max_restarts"] = 0; // nobody would go on with the scripts
    return body;
}

void run(Context& context, const Options& options) {
    check_files(options.job);
    const Json wanted = wanted_of(options);
    const Signals signals;
    try {
        OwnSession session(context, wanted);
        session.wait_until_ready(context.api(signals.fd()));
        context.exit_status = run_scripts(context, session, options.job, signals.fd(), Duration::zero());
    } catch (const Error&) {
        if (!signals.came())
            throw;
    }
    if (const int number = signals.take(); number != 0) {
        context.terminal.err << "sandboxctl: the job was stopped by a signal, and its session is ended\n";
        context.exit_status = 128 + number; // as a shell says it
    }
}

} // namespace

void add_run(Verb& app, Context& context) {
    const auto options = std::make_shared<Options>();
    Verb verb = app.add_verb("run", "Run ChimeraX scripts in a session of their own, which ends with them");
    verb.option("SCRIPT", options->job.scripts,
                "Files of commands (.cxc), or Python; in turn, up to the first command that fails")
        .of("FILE")
        .required();
    verb.option("-t,--tenant", options->tenant, "Whose session; may be left out by a tenant itself")
        .of("TENANT");
    verb.option("-p,--policy", options->policy, "Under which policy; else the tenant's first").of("POLICY");
    verb.option("-l,--label", options->labels, "A label KEY=VALUE; may come again").of("KEY=VALUE");
    verb.option("--memory", options->wishes.memory, "Its memory limit, as 6G, within the policy's ceiling")
        .of("SIZE");
    verb.option("--cpus", options->wishes.cpus, "Its CPU limit, within the policy's ceiling").of("N");
    verb.option("--in", options->job.in, "A file that the scripts find in /work; may come again").of("FILE");
    verb.option("--out", options->job.out, "A file of /work that is fetched into this folder; may come again")
        .of("PATH");
    verb.run([options, &context] { run(context, *options); });
}

} // namespace sandbox::ctl
