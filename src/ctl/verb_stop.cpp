#include "session_text.hpp"
#include "verbs.hpp"
#include "words.hpp"

#include <memory>

#include <CLI/CLI.hpp>
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
    const Json session = api.remove(target, timeout);
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

void add_stop(CLI::App& app, Context& context) {
    struct Options {
        std::vector<std::string> ids;
        std::string grace;
    };
    const auto options = std::make_shared<Options>();
    CLI::App* verb = app.add_subcommand("stop", "End sessions in good order");
    verb->add_option("ID", options->ids, "Sessions; the starts of their ids are enough")->required();
    verb->add_option("-g,--grace", options->grace, "How long ChimeraX has to end by itself, as 10s");
    verb->callback([options, &context] {
        std::optional<Duration> grace;
        if (!options->grace.empty())
            grace = parse_duration(options->grace);
        end_all(context, options->ids, grace);
    });
}

void add_kill(CLI::App& app, Context& context) {
    const auto ids = std::make_shared<std::vector<std::string>>();
    CLI::App* verb = app.add_subcommand("kill", "End sessions at once");
    verb->add_option("ID", *ids, "Sessions; the starts of their ids are enough")->required();
    verb->callback([ids, &context] { end_all(context, *ids, Duration::zero()); });
}

} // namespace sandbox::ctl
