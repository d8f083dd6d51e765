#include "ctl/context/progress.hpp"
#include "ctl/context/verbs.hpp"
#include "ctl/format/json_text.hpp"
#include "ctl/jobs/limit_options.hpp"
#include "ctl/views/session_text.hpp"

#include <memory>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

constexpr Duration kReadyTimeout = std::chrono::minutes(2);

struct Options {
    std::string id, name;
    std::vector<std::string> labels, removed;
    SessionWishes wishes;
};

Json change_of(const Options& options) {
    Json body = Json::object();
    if (!options.name.empty())
        body["name"] = options.name;
    put_wishes(options.wishes, body);
    return body;
}

/// The API takes all labels at once: what is not named stays as it is.
Json labels_of(const Json& session, const Json& added, const std::vector<std::string>& removed) {
    Json labels = member(session, {"labels"});
    if (!labels.is_object())
        labels = Json::object();
    for (const std::string& key : removed)
        labels.erase(key);
    labels.update(added);
    return labels;
}

void update(Context& context, const Options& options) {
    Json body = change_of(options);
    const Json added = pairs(options.labels, "--label");
    const bool changes_labels = !added.empty() || !options.removed.empty();
    if (body.empty() && !changes_labels)
        throw Error(Errc::invalid_argument, "nothing is to be changed",
                    "Say what: sandboxctl update ID --memory 6G. --help shows all.");
    const ApiClient api = context.api();
    const std::string id = api.find_session(options.id);
    if (changes_labels)
        body["labels"] = labels_of(api.get_session(id), added, options.removed);
    print_session(context, api.patch("/v1/sessions/" + id, body), Format::id);
}

void restart(Context& context, const std::string& prefix, bool wait) {
    const ApiClient api = context.api();
    const std::string route = "/v1/sessions/" + api.find_session(prefix);
    const Progress progress(context, "restarting");
    Json session = api.post(route + "/restart", Json::object(), kAnswerTimeout);
    if (wait) {
        const Duration timeout = context.globals.timeout.value_or(kReadyTimeout);
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(timeout).count();
        session = api.get(route + "/wait?state=ready%2Cended&timeout=" + std::to_string(seconds),
                          timeout + kAnswerTimeout);
        if (word(session, {"state"}) == "ended")
            throw Error(Errc::gone, "session " + word(session, {"id"}) + " " + state_words(session),
                        "Make a new session.");
    }
    print_session(context, session, Format::id);
}

} // namespace

void add_update(Verb& app, Context& context) {
    const auto options = std::make_shared<Options>();
    Verb verb = app.add_verb("update", "Change limits, clocks, name and labels of a session that runs");
    verb.option("ID", options->id, "The session; the start of its id is enough").required();
    verb.option("--memory", options->wishes.memory, "Its memory limit, as 6G, within the policy's ceiling")
        .of("SIZE");
    verb.option("--cpus", options->wishes.cpus, "Its CPU limit, within the policy's ceiling").of("N");
    verb.option("--pids", options->wishes.pids, "Its limit of processes, within the policy's ceiling")
        .of("N");
    verb.option("-n,--name", options->name, "Its name for people");
    verb.option("-l,--label", options->labels, "A label KEY=VALUE; may come again, the others stay")
        .of("KEY=VALUE");
    verb.option("--remove-label", options->removed, "A label that goes; may come again").of("KEY");
    verb.option("--idle", options->wishes.idle, "End it after so long without use, as 30m").of("TIME");
    verb.option("--max-life", options->wishes.max_life, "End it after so long from its making, as 8h")
        .of("TIME");
    verb.run([options, &context] { update(context, *options); });
}

void add_restart(Verb& app, Context& context) {
    struct Options {
        std::string id;
        bool wait = false;
    };
    const auto options = std::make_shared<Options>();
    Verb verb = app.add_verb("restart", "Kill a session's ChimeraX and start it again; /work stays");
    verb.option("ID", options->id, "The session; the start of its id is enough").required();
    verb.flag("-w,--wait", options->wait, "Return when it is ready (--timeout, else 2m)");
    verb.run([options, &context] { restart(context, options->id, options->wait); });
}

} // namespace sandbox::ctl
