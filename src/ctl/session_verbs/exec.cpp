#include "ctl/context/verbs.hpp"
#include "ctl/jobs/commands.hpp"

#include <memory>
#include <ostream>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

struct Options {
    std::string id, file;
    std::vector<std::string> words;
    bool json = false;
};

std::vector<std::string> commands_of(const Options& options) {
    if (!options.file.empty() && !options.words.empty())
        throw Error(Errc::invalid_argument, "a command and a file of commands were given",
                    "Give one of them.");
    if (!options.file.empty())
        return commands_of_file(options.file, "-f");
    std::string command;
    for (const std::string& part : options.words)
        command += (command.empty() ? "" : " ") + part;
    if (command.empty())
        throw Error(Errc::invalid_argument, "no command was given",
                    "For example: sandboxctl exec ID \"info models\", or -f FILE.cxc.");
    return {command};
}

void execute(Context& context, const Options& options) {
    const std::vector<std::string> commands = commands_of(options);
    const ApiClient api = context.api();
    const std::string target = "/v1/sessions/" + api.find_session(options.id) + "/commands";
    const Duration timeout = context.globals.timeout.value_or(kCommandTimeout);
    bool all_well = true;
    // A line at a time, as ChimeraX runs a file: what comes after an error is not run.
    for (std::size_t i = 0; i < commands.size() && all_well; ++i) {
        Json body{{"command", commands[i]}};
        if (context.globals.timeout)
            body["timeout_seconds"] = static_cast<double>(timeout.count()) / 1000;
        const Json result = api.post(target, body, timeout + kAnswerTimeout);
        all_well = show_result(context, result, options.json || context.json());
        if (!all_well && commands.size() > 1)
            context.terminal.err << "sandboxctl: stopped at command " << i + 1 << " of " << commands.size()
                                 << ": " << printable(commands[i]) << "\n";
    }
    context.exit_status = all_well ? 0 : 1;
}

} // namespace

void add_exec(Verb& app, Context& context) {
    const auto options = std::make_shared<Options>();
    Verb verb = app.add_verb("exec", "Run ChimeraX commands in a session (--timeout, else 30m)");
    verb.option("ID", options->id, "The session; the start of its id is enough").required();
    verb.option("COMMAND", options->words,
                "One command: all words from its first on, also those with a dash");
    verb.option("-f,--file", options->file, "A file with a command on each line; - is standard input")
        .of("FILE");
    verb.flag("--json", options->json, "The whole answer as JSON");
    verb.run([options, &context] { execute(context, *options); });
}

} // namespace sandbox::ctl
