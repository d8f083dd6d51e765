#include "sandbox/base/file.hpp"
#include "verbs.hpp"
#include "words.hpp"

#include <memory>
#include <ostream>
#include <sstream>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

constexpr Duration kCommandTimeout = std::chrono::minutes(30);

struct Options {
    std::string id, file;
    std::vector<std::string> words;
    bool json = false;
};

/// The lines of a ChimeraX command file: empty ones and comments are left out.
std::vector<std::string> commands_of_file(const std::string& path) {
    std::istringstream lines(read_file(path == "-" ? "/dev/stdin" : path));
    std::vector<std::string> commands;
    for (std::string line; std::getline(lines, line);) {
        line.erase(line.find_last_not_of(" \t\r") + 1);
        const std::size_t start = line.find_first_not_of(" \t");
        if (start != std::string::npos && line[start] != '#')
            commands.push_back(line.substr(start));
    }
    if (commands.empty())
        throw Error(Errc::invalid_argument, path + " holds no command", {}, "-f");
    return commands;
}

std::vector<std::string> commands_of(const Options& options) {
    if (!options.file.empty() && !options.words.empty())
        throw Error(Errc::invalid_argument, "a command and a file of commands were given",
                    "Give one of them.");
    if (!options.file.empty())
        return commands_of_file(options.file);
    std::string command;
    for (const std::string& part : options.words)
        command += (command.empty() ? "" : " ") + part;
    if (command.empty())
        throw Error(Errc::invalid_argument, "no command was given",
                    "For example: sandboxctl exec ID \"open 1abc\", or -f FILE.cxc.");
    return {command};
}

/// One list of the log, as ChimeraX's own log shows it.
void print_log(const Context& context, const Json& result, const char* kind, std::ostream& to,
               Colour colour) {
    const Json& lines = member(result, {"log", kind});
    if (!lines.is_array())
        return;
    for (const Json& line : lines) {
        std::string text = line.is_string() ? line.get<std::string>() : line.dump();
        while (text.ends_with('\n'))
            text.pop_back();
        if (context.terminal.is_terminal)
            text = printable(text, true);
        to << painted(context.terminal, text, colour) << "\n";
    }
}

bool has_lines(const Json& result, const char* kind) {
    const Json& lines = member(result, {"log", kind});
    return lines.is_array() && !lines.empty();
}

/// True when it went well.
bool print_result(const Context& context, const Json& result) {
    const Json& error = member(result, {"error"});
    std::ostream& err = context.terminal.err;
    if (!context.globals.quiet)
        print_log(context, result, "note", context.terminal.out, Colour::plain);
    print_log(context, result, "warning", err, Colour::yellow);
    print_log(context, result, "error", err, Colour::red);
    print_log(context, result, "bug", err, Colour::red);
    if (error.is_object())
        err << "sandboxctl: ChimeraX: " << printable(word(error, {"message"}), true) << "\n";
    return !error.is_object() && !has_lines(result, "error") && !has_lines(result, "bug");
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
        if (options.json || context.json()) {
            context.print(result);
            all_well = !member(result, {"error"}).is_object() && !has_lines(result, "error") &&
                       !has_lines(result, "bug");
        } else {
            all_well = print_result(context, result);
        }
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
    verb.option("COMMAND", options->words, "One command; all words up to the end belong to it");
    verb.option("-f,--file", options->file, "A file with a command on each line; - is standard input");
    verb.flag("--json", options->json, "The whole answer as JSON");
    verb.run([options, &context] { execute(context, *options); });
}

} // namespace sandbox::ctl
