#include "ctl/context/verbs.hpp"
#include "ctl/format/json_text.hpp"
#include "ctl/http/event_stream.hpp"

#include <memory>
#include <ostream>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

struct Options {
    std::string id, after;
    bool follow = false;
};

void check_after(const std::string& after) {
    if (after.find_first_not_of("0123456789") != std::string::npos)
        throw Error(Errc::invalid_argument, "--after " + after + " is not the id of an event",
                    "`sandboxctl -o json events` shows the ids.", "--after");
}

/// JSON is a line an event, so that a reader can take each as it comes.
void print_event(const Context& context, const StreamEvent& event, const Json& data) {
    if (context.json()) {
        Json line{{"id", event.id}};
        if (data.is_object())
            line.update(data);
        context.terminal.out << line.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
    } else {
        context.terminal.out << event_line(data) << std::endl;
    }
}

void events(Context& context, const Options& options) {
    check_after(options.after);
    const ApiClient api = context.api();
    EventSource source;
    source.last_id = options.after;
    source.follow = options.follow;
    source.patience = context.globals.timeout.value_or(source.patience);
    if (!options.id.empty())
        source.session = api.find_session(options.id);
    follow_events(
        api, source, [&](const StreamEvent& event, const Json& data) { print_event(context, event, data); },
        [&](const Error& error) {
            if (!context.globals.quiet)
                context.terminal.err << "sandboxctl: " << printable(error.what()) << "; trying again\n";
        });
}

} // namespace

void add_events(Verb& app, Context& context) {
    const auto options = std::make_shared<Options>();
    Verb verb = app.add_verb("events", "Show what happened to sessions, a line each; with -f as it happens");
    verb.option("ID", options->id, "Only of this session; the start of its id is enough");
    verb.flag("-f,--follow", options->follow, "Go on with what happens, until the session has ended");
    verb.option("--after", options->after, "Only what came after the event with this id").of("EVENT");
    verb.run([options, &context] { events(context, *options); });
}

} // namespace sandbox::ctl
