#include "ctl/context/progress.hpp"
#include "ctl/context/verbs.hpp"
#include "ctl/format/json_text.hpp"
#include "ctl/views/session_text.hpp"

#include <memory>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

/// Beside the grace, which a ladder of three rungs takes twice.
constexpr Duration kEndTimeout = std::chrono::minutes(1);
constexpr Duration kLongestGrace = std::chrono::minutes(5);

void end_one(Context& context, const ApiClient& api, const std::string& id,
             const std::optional<Duration>& grace) {
    std::string target = "/v1/sessions/" + id;
    if (grace)
        target += "?grace_seconds=" + Json(static_cast<double>(grace->count()) / 1000).dump();
    const Duration timeout =
        context.globals.timeout.value_or(2 * grace.value_or(kLongestGrace) + kEndTimeout);
    Json session;
    {
        const Progress progress(context, "ending " + id);
        session = api.remove(target, timeout);
    }
    if (context.globals.format == Format::usual)
        context.say(word(session, {"id"}) + " " + printable(state_words(session)));
    else
        print_session(context, session, Format::usual);
    if (word(session, {"state"}) == "stuck")
        throw Error(Errc::conflict, "session " + id + " has a process that the kernel cannot kill",
                    "It is tried again until it goes; see `sandboxctl inspect " + id + "`.");
}

/// Goes on past one that fails: the others are to end too. The first failure decides the exit status.
void end_all(Context& context, const std::vector<std::string>& ids, const std::optional<Duration>& grace) {
    const ApiClient api = context.api();
    for (const std::string& prefix : ids) {
        try {
            end_one(context, api, api.find_session(prefix), grace);
        } catch (const Error& error) {
            const int status = report(context.terminal, error);
            if (context.exit_status == 0)
                context.exit_status = status;
        }
    }
}

} // namespace

void add_stop(Verb& app, Context& context) {
    struct Options {
        std::vector<std::string> ids;
        std::string grace;
    };
    const auto options = std::make_shared<Options>();
    Verb verb = app.add_verb("stop", "End sessions in good order");
    verb.option("ID", options->ids, "Sessions; the starts of their ids are enough").required();
    verb.option("-g,--grace", options->grace, "How long ChimeraX has to end by itself, as 10s").of("TIME");
    verb.run([options, &context] {
        std::optional<Duration> grace;
        if (!options->grace.empty())
            grace = parse_duration(options->grace);
        end_all(context, options->ids, grace);
    });
}

void add_kill(Verb& app, Context& context) {
    const auto ids = std::make_shared<std::vector<std::string>>();
    Verb verb = app.add_verb("kill", "End sessions at once");
    verb.option("ID", *ids, "Sessions; the starts of their ids are enough").required();
    verb.run([ids, &context] { end_all(context, *ids, Duration::zero()); });
}

} // namespace sandbox::ctl
