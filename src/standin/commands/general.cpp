#include "standin/base/command.hpp"
#include "standin/base/text.hpp"
#include "standin/base/version.hpp"
#include "standin/session/session.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <thread>

#include <unistd.h>

namespace standin {
namespace {

Value version(Session& session, Words& words) {
    if (!words.empty() && !words.take_word("bundles") && !words.take_word("packages") &&
        !words.take_word("verbose"))
        throw ParseError("Expected one of 'bundles', 'packages', or 'verbose' or fewer arguments");
    session.log.note(std::string("UCSF ChimeraX version: ") + kVersion);
    session.log.note(kWhatThisIs);
    return {};
}

Value pwd(Session& session, Words& words) {
    words.end();
    session.log.note("Current working directory is: " + std::filesystem::current_path().string());
    return {};
}

Value cd(Session& session, Words& words) {
    const std::string folder = words.take("directory");
    words.end();
    if (::chdir(folder.c_str()) != 0)
        throw UserError("[Errno " + std::to_string(errno) + "] " + std::strerror(errno) + ": '" + folder +
                        "'");
    session.log.note("Current working directory is: " + std::filesystem::current_path().string());
    return {};
}

Value echo(Session& session, Words& words) {
    session.log.note(words.text());
    return {};
}

Value log(Session& session, Words& words) {
    if (words.take_word("metadata")) {
        if (session.models.empty())
            session.log.note("No models match specifier");
        for (const Model& model : session.models)
            session.log.note("Metadata for " + model.name + " " + model.spec() + "  \n---  \nTitle | " +
                             model.title + "  \n  \n");
    }
    return {};
}

Value runscript(Session& session, Words& words) {
    const std::string path = words.take("file");
    std::vector<std::string> arguments;
    while (const auto argument = words.take_if_any())
        arguments.push_back(*argument);
    session.python.run(path, arguments);
    return {};
}

Value no_programs(Session&, Words&) {
    throw UserError("This is the stand-in of chimerax-sandbox: it runs no other programs");
}

} // namespace

void add_general_commands(CommandTable& table) {
    table["version"] = version;
    table["pwd"] = pwd;
    table["cd"] = cd;
    table["echo"] = echo;
    table["log"] = log;
    table["runscript"] = runscript;
    table["shell"] = no_programs;
    table["exit"] = table["quit"] = [](Session&, Words&) -> Value { throw Quit(); };
    for (const char* name : {"help", "wait", "usage", "alias", "ui", "tool", "toolshed"})
        table[name] = [](Session&, Words&) { return Value(); };
}

} // namespace standin
