#include "ctl/jobs/commands.hpp"

#include "ctl/format/json_text.hpp"
#include "sandbox/base/file.hpp"

#include <ostream>
#include <sstream>

#include <nlohmann/json.hpp>

namespace sandbox::ctl {
namespace {

std::string without_end(std::string text, const char* blanks = " \n") {
    text.erase(text.find_last_not_of(blanks) + 1);
    return text;
}

/// One list of the log, as ChimeraX's own log shows it, without what is the error's message: ChimeraX logs
/// that, too, and it is told once.
void print_log(const Context& context, const Json& result, const char* kind, std::ostream& to,
               Colour colour) {
    const Json& lines = member(result, {"log", kind});
    if (!lines.is_array())
        return;
    const Json& error = member(result, {"error"});
    const std::string message = error.is_object() ? without_end(word(error, {"message"})) : std::string();
    for (const Json& line : lines) {
        std::string text = without_end(line.is_string() ? line.get<std::string>() : line.dump(), "\n");
        if (!message.empty() && without_end(text) == message)
            continue;
        if (context.terminal.is_terminal)
            text = printable(text, true);
        to << painted(context.terminal, text, colour) << "\n";
    }
}

bool has_lines(const Json& result, const char* kind) {
    const Json& lines = member(result, {"log", kind});
    return lines.is_array() && !lines.empty();
}

} // namespace

std::vector<std::string> commands_of_file(const std::string& path, const char* field) {
    std::istringstream lines(read_file(path == "-" ? "/dev/stdin" : path));
    std::vector<std::string> commands;
    for (std::string line; std::getline(lines, line);) {
        line.erase(line.find_last_not_of(" \t\r") + 1);
        const std::size_t start = line.find_first_not_of(" \t");
        if (start != std::string::npos && line[start] != '#')
            commands.push_back(line.substr(start));
    }
    if (commands.empty())
        throw Error(Errc::invalid_argument, path + " holds no command", {}, field);
    return commands;
}

bool show_result(const Context& context, const Json& result, bool as_json) {
    const Json& error = member(result, {"error"});
    std::ostream& err = context.terminal.err;
    const bool is_well = !error.is_object() && !has_lines(result, "error") && !has_lines(result, "bug");
    if (as_json) {
        context.print(result);
        return is_well;
    }
    if (!context.globals.quiet)
        print_log(context, result, "note", context.terminal.out, Colour::plain);
    print_log(context, result, "warning", err, Colour::yellow);
    print_log(context, result, "error", err, Colour::red);
    print_log(context, result, "bug", err, Colour::red);
    if (error.is_object())
        err << "sandboxctl: ChimeraX: " << printable(without_end(word(error, {"message"})), true) << "\n";
    if (const Json& hint = member(result, {"hint"}); hint.is_string())
        err << "  " << printable(hint.get<std::string>(), true) << "\n";
    return is_well;
}

} // namespace sandbox::ctl
