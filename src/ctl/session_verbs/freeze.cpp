#include "ctl/context/verbs.hpp"
#include "ctl/views/session_text.hpp"

#include <memory>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {

namespace {

/// A verb that is a POST to the session's route of the same name.
void add_action(Verb& app, Context& context, const char* name, const char* help) {
    const auto id = std::make_shared<std::string>();
    Verb verb = app.add_verb(name, help);
    verb.option("ID", *id, "The session; the start of its id is enough").required();
    verb.run([id, name, &context] {
        const ApiClient api = context.api();
        const std::string target = "/v1/sessions/" + api.find_session(*id) + "/" + name;
        print_session(context, api.post(target, Json::object(), kAnswerTimeout), Format::id);
    });
}

} // namespace

void add_touch(Verb& app, Context& context) {
    add_action(app, context, "touch", "Count as use of a session: its idle clock begins anew");
}

void add_extend(Verb& app, Context& context) {
    struct Options {
        std::string id, by;
    };
    const auto options = std::make_shared<Options>();
    Verb verb = app.add_verb("extend", "Put the end of a session's lifetime off");
    verb.option("ID", options->id, "The session; the start of its id is enough").required();
    verb.option("TIME", options->by, "By how much, as 30m").of("TIME").required();
    verb.run([options, &context] {
        const Duration by = parse_duration(options->by);
        const ApiClient api = context.api();
        const std::string target = "/v1/sessions/" + api.find_session(options->id) + "/extend";
        const Json body{{"seconds", std::chrono::duration<double>(by).count()}};
        print_session(context, api.post(target, body, kAnswerTimeout), Format::id);
    });
}

void add_freeze(Verb& app, Context& context) {
    add_action(app, context, "freeze", "Stop all of a session's processes; the next request thaws it");
}

void add_thaw(Verb& app, Context& context) {
    add_action(app, context, "thaw", "Let a frozen session go on");
}

} // namespace sandbox::ctl
