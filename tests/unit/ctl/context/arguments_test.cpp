#include "ctl/context/arguments.hpp"

#include <CLI/CLI.hpp>
#include <catch2/catch.hpp>

using sandbox::ctl::close_options;
using Words = std::vector<std::string>;

namespace {

/// A command line with a verb whose last argument takes the rest, and one whose does not.
struct Line {
    Line() {
        app.add_option("-o,--output", text);
        app.add_flag("-q,--quiet", flag);
        CLI::App* exec = app.add_subcommand("exec");
        exec->add_option("ID", text);
        exec->add_option("COMMAND", words)->take_all();
        exec->add_option("-f,--file", text);
        CLI::App* logs = app.add_subcommand("logs");
        logs->add_option("ID", text);
        logs->add_option("--tail", text);
    }
    CLI::App app;
    std::string text;
    bool flag = false;
    Words words;
};

} // namespace

TEST_CASE("what follows the first word of a command is the command's, options and numbers too") {
    Line line;
    CHECK(close_options(line.app, {"exec", "abc", "turn", "y", "-30"}) ==
          Words{"exec", "abc", "--", "turn", "y", "-30"});
    CHECK(close_options(line.app, {"exec", "abc", "log", "text", "-f", "-q", "--json", "--help"}) ==
          Words{"exec", "abc", "--", "log", "text", "-f", "-q", "--json", "--help"});
    CHECK(close_options(line.app, {"-o", "json", "exec", "-q", "abc", "--output=id", "-oid", "exec", "--"}) ==
          Words{"-o", "json", "exec", "-q", "abc", "--output=id", "-oid", "--", "exec", "--"});
    CHECK(close_options(line.app, {"exec", "--output", "json", "-qo", "id", "abc", "version"}) ==
          Words{"exec", "--output", "json", "-qo", "id", "abc", "--", "version"});
}

TEST_CASE("options before a command, and those of other verbs, stay options") {
    Line line;
    for (const Words& words : {Words{"exec", "abc", "-f", "x.cxc"}, Words{"exec", "abc", "-fx.cxc", "-q"},
                               Words{"logs", "abc", "--tail", "-5", "more"}, Words{"exec", "abc", "--", "-x"},
                               Words{"exec"}, Words{"exec", "-f"}, Words{}})
        CHECK(close_options(line.app, words) == words);
}
