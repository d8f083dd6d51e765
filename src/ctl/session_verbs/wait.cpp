#include "ctl/context/progress.hpp"
#include "ctl/context/verbs.hpp"
#include "ctl/format/json_text.hpp"
#include "ctl/views/session_text.hpp"

#include <memory>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

constexpr Duration kWaitTimeout = std::chrono::minutes(2);

struct Options {
    std::string id, state = "ready";
};

/// The API also answers when the session has ended instead.
void check_state(const Json& session, const std::string& asked) {
    const std::string state = word(session, {"state"});
    if (state != "ended" || ("," + asked + ",").find(",ended,") != std::string::npos)
        return;
    throw Error(Errc::conflict,
                "session " + word(session, {"id"}) + " will not be " + asked + ": it has ended",
                "`sandboxctl status " + word(session, {"id"}) + "` shows how.");
}

void wait(Context& context, const Options& options) {
    const ApiClient api = context.api();
    const Duration timeout = context.globals.timeout.value_or(kWaitTimeout);
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(timeout).count();
    const std::string target = "/v1/sessions/" + api.find_session(options.id) +
                               "/wait?state=" + encode_component(options.state) +
                               "&timeout=" + std::to_string(seconds);
    Json session;
    {
        const Progress progress(context, "waiting for " + options.state);
        session = api.get(target, timeout + kAnswerTimeout);
    }
    if (context.globals.format == Format::usual)
        context.say(word(session, {"id"}) + " " + printable(state_words(session)));
    else
        print_session(context, session, Format::usual);
    check_state(session, options.state);
}

} // namespace

void add_wait(Verb& app, Context& context) {
    const auto options = std::make_shared<Options>();
    Verb verb = app.add_verb("wait", "Wait until a session is in a state (--timeout, else 2m)");
    verb.option("ID", options->id, "The session; the start of its id is enough").required();
    verb.option("-s,--state", options->state, "ready (the default), ended, …; several with commas")
        .of("STATE");
    verb.run([options, &context] { wait(context, *options); });
}

} // namespace sandbox::ctl
