#include "ctl/policy/policy_learn.hpp"

#include "ctl/context/progress.hpp"
#include "ctl/format/json_text.hpp"
#include "ctl/jobs/scoped_session.hpp"
#include "ctl/policy/narrow_profile.hpp"
#include "ctl/terminal/output_file.hpp"
#include "ctl/terminal/signals.hpp"
#include "ctl/views/session_text.hpp"
#include "sandbox/base/file.hpp"
#include "sandbox/base/working_folder.hpp"
#include "sandbox/policy/loaded_policy.hpp"

#include <filesystem>
#include <ostream>
#include <set>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

/// As the API's longest.
constexpr Duration kWaitTime = std::chrono::minutes(5);

/// The operator's, in another terminal. False: it has ended before he was done.
bool hold(const Context& context, const std::string& session, const Signals& signals) {
    if (!context.globals.quiet)
        context.terminal.err << "Session " << session << " is ready, and its system calls are counted. Do in "
                             << "it what such sessions do, as with `sandboxctl attach " << session
                             << "`; Ctrl-C here ends it.\n"
                             << std::flush;
    const ApiClient api = context.api(signals.fd());
    for (;;)
        try {
            api.get("/v1/sessions/" + session + "/wait?state=ended&timeout=" +
                        std::to_string(std::chrono::duration_cast<std::chrono::seconds>(kWaitTime).count()),
                    kWaitTime + kAnswerTimeout);
            return false;
        } catch (const Error& error) {
            if (signals.came())
                return true;
            if (error.code() == Errc::gone)
                return false;
            if (error.code() != Errc::timed_out)
                throw;
        }
}

/// What became of the session, and why there is nothing more to be learned where it failed.
struct Outcome {
    Json session;
    std::optional<Error> failure;
};

/// Standard output is for what was learned.
int run_aside(const Context& context, OwnSession& session, const ScriptJob& job, int until) {
    Globals globals = context.globals;
    globals.format = Format::usual;
    Terminal terminal{.out = context.terminal.err,
                      .err = context.terminal.err,
                      .width = context.terminal.width,
                      .colours = context.terminal.colours,
                      .is_terminal = context.terminal.err_is_terminal,
                      .err_is_terminal = context.terminal.err_is_terminal,
                      .input = context.terminal.input};
    Context aside(globals, terminal);
    return run_scripts(aside, session, job, until, {});
}

Outcome run_session(Context& context, const LearnWishes& wishes, const Signals& signals) {
    Json wanted{{"policy", wishes.policy}, {"name", "policy learn " + wishes.policy}, {"learn", true}};
    if (!wishes.tenant.empty())
        wanted["tenant"] = wishes.tenant;
    if (!wishes.job.scripts.empty())
        wanted["max_restarts"] = 0; // nobody would go on with its scripts
    OwnSession session(context, wanted);
    Outcome outcome;
    bool is_whole = true;
    try {
        session.wait_until_ready(context.api(signals.fd()));
        if (wishes.job.scripts.empty())
            is_whole = hold(context, session.id(), signals);
        else
            context.exit_status = run_aside(context, session, wishes.job, signals.fd());
    } catch (const Error& error) {
        // What it tried is the more wanted where it came to nothing, as under too narrow a profile.
        outcome.failure = error;
    }
    {
        const Progress progress(context, "ending " + session.id());
        outcome.session = session.end();
    }
    if (!is_whole)
        outcome.failure =
            Error(Errc::conflict, "session " + session.id() + " " + state_words(outcome.session));
    return outcome;
}

void show(const Context& context, const Json& calls, const Learned& learned, const policy::Policy& policy) {
    const Json& allowed = calls["allowed"];
    const Json& refused = calls["refused"];
    std::set<std::string> names;
    for (const Json* one : {&allowed, &refused})
        for (const auto& [name, times] : one->items())
            names.insert(name);
    Table table({{"CALL"}, {"ALLOWED", Align::right}, {"REFUSED", Align::right}});
    for (const std::string& name : names)
        table.add({name, word(allowed, {name.c_str()}), word(refused, {name.c_str()})});
    context.print(table);
    if (context.globals.quiet)
        return;
    std::ostream& err = context.terminal.err;
    const std::string profile = "Profile " + policy.seccomp_profile;
    err << "\n" << names.size() << " different system calls were made.";
    if (!refused.empty()) {
        Json list = Json::array();
        for (const auto& [name, times] : refused.items())
            list.push_back(name);
        err << " " << profile << " refused some or all of: " << joined(list) << ".";
    }
    if (!learned.unused.empty())
        err << "\n"
            << profile << " allows " << learned.unused.size()
            << " more, which this run did not use: " << joined(learned.unused) << ".";
    err << "\n" << std::flush;
}

} // namespace

void learn_policy(Context& context, const policy::PolicyFolders& folders, const LearnWishes& wishes) {
    check_files(wishes.job);
    const policy::LoadedPolicy loaded = // proves the profile, too
        policy::load_whole_policy(folders, wishes.policy, policy::Trust::any_owner);
    const policy::Policy& policy = loaded.policy;
    if (!wishes.profile.empty() &&
        !std::filesystem::is_directory(std::filesystem::path(absolute_path(wishes.profile)).parent_path()))
        throw Error(Errc::not_found, "there is no folder for " + wishes.profile, "Make it first.",
                    "--profile");
    if (!wishes.profile.empty())
        OutputFile::check(wishes.profile);
    const Signals signals;
    const Outcome outcome = run_session(context, wishes, signals);
    const bool was_stopped = signals.came() && (outcome.failure || !wishes.job.scripts.empty());
    if (const Json& calls = member(outcome.session, {"end", "system_calls"}); calls.is_object()) {
        const Learned learned = narrow_profile(Json::parse(read_file(loaded.seccomp_path)), calls["allowed"]);
        if (context.json())
            context.print(Json{{"policy", policy.name},
                               {"profile", policy.seccomp_profile},
                               {"session", outcome.session["id"]},
                               {"system_calls", calls},
                               {"unused", learned.unused}});
        else
            show(context, calls, learned, policy);
        if (!wishes.profile.empty() && !outcome.failure && context.exit_status == 0) {
            OutputFile profile(wishes.profile);
            profile.write(learned.narrowed.dump(2) + "\n");
            profile.keep();
            if (!context.globals.quiet)
                context.terminal.err << "The profile for no more than that is in "
                                     << printable(wishes.profile) << ".\n";
            if (!learned.lost.empty())
                context.terminal.err << "Used, and not in it, as profile " << policy.seccomp_profile
                                     << " refuses them for some arguments: " << joined(learned.lost) << ".\n";
        }
    }
    if (was_stopped) {
        context.terminal.err << "sandboxctl: it was stopped by a signal before it was done\n";
        context.exit_status = 128 + signals.take();
    } else if (outcome.failure) {
        throw *outcome.failure;
    }
}

} // namespace sandbox::ctl
