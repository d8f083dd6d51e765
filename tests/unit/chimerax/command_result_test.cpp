#include "sandbox/base/error.hpp"
#include "sandbox/chimerax/command_result.hpp"

#include <catch2/catch.hpp>

using sandbox::Errc;
using sandbox::Error;
using sandbox::chimerax::CommandResult;
using sandbox::chimerax::parse_command_result;
using sandbox::chimerax::run_target;

namespace {

void check_refused(std::string_view body) {
    INFO(body.substr(0, 200));
    try {
        parse_command_result(body);
        FAIL_CHECK("it was understood");
    } catch (const Error& error) {
        CHECK(error.code() == Errc::engine);
    }
}

std::string reply(std::string_view json_values, std::string_view python_values = "[null]",
                  std::string_view error = "null") {
    return "{\"json values\": " + std::string(json_values) +
           ", \"python values\": " + std::string(python_values) +
           ", \"log messages\": {\"note\": [\"n\\n\"], \"warning\": [\"w\"], \"error\": [], \"bug\": []}, "
           "\"error\": " +
           std::string(error) + "}";
}

} // namespace

TEST_CASE("the captured answer to version is a success with two notes") {
    const CommandResult result = parse_command_result(
        R"({"json values": [null], "python values": [null], "log messages": {"note": ["UCSF ChimeraX version: 1.12.dev202601311040 (2026-01-31)\n", "\u00a9 2016-2026 Regents of the University of California.  All rights reserved.\n"], "warning": [], "error": [], "bug": []}, "error": null})");
    CHECK(result.ok());
    CHECK(result.values == std::vector<std::string>{"null"});
    REQUIRE(result.note.size() == 2);
    CHECK(result.note[1].starts_with("© 2016"));
}

TEST_CASE("the captured answer to an unknown command is a failure with type and message") {
    const CommandResult result = parse_command_result(
        R"({"json values": [], "python values": [], "log messages": {"note": ["Unknown command: foo\n"], "warning": [], "error": [], "bug": []}, "error": {"type": "UserError", "message": "Unknown command: foo"}})");
    CHECK_FALSE(result.ok());
    REQUIRE(result.error);
    CHECK(result.error->type == "UserError");
    CHECK(result.error->message == "Unknown command: foo");
    CHECK(result.values.empty());
}

TEST_CASE("the captured answer to a missing command has no error, and is no success") {
    const CommandResult result = parse_command_result(
        R"({"json values": [], "python values": [], "log messages": {"note": [], "warning": [], "error": ["\"command\" parameter missing\n"], "bug": []}, "error": null})");
    CHECK_FALSE(result.error);
    CHECK(result.error_log == std::vector<std::string>{"\"command\" parameter missing\n"});
    CHECK_FALSE(result.ok());
}

TEST_CASE("a message in the log of bugs is no success") {
    CHECK_FALSE(parse_command_result(R"({"log messages": {"bug": ["oops"]}, "error": null})").ok());
}

TEST_CASE("a json value is the JSON that its string holds") {
    const CommandResult result =
        parse_command_result(reply(R"(["{\"model specs\": [\"#1\"]}", null, "[]"])"));
    CHECK(result.values == std::vector<std::string>{R"({"model specs": ["#1"]})", "null", "[]"});
    CHECK(result.warning == std::vector<std::string>{"w"});
}

TEST_CASE("NaN and the infinities of Python become null, in values too") {
    CHECK(parse_command_result(reply("[null]", "[NaN, Infinity, -Infinity, [NaN]]")).ok());
    CHECK(parse_command_result(reply(R"(["[NaN, 1, -Infinity, \"NaN\"]"])")).values ==
          std::vector<std::string>{R"([null, 1, null, "NaN"])"});
}

TEST_CASE("NaN and Infinity inside strings stay") {
    const CommandResult result = parse_command_result(
        R"({"json values": [], "log messages": {"note": ["NaN \" Infinity \\", "NaN"]}, "error": null})");
    CHECK(result.note == std::vector<std::string>{"NaN \" Infinity \\", "NaN"});
}

TEST_CASE("keys that an older release does not send may be missing, later ones are passed over") {
    CHECK(parse_command_result(R"({"error": null})").ok());
    CHECK(parse_command_result(R"({"json values": null, "log messages": null, "error": null})").ok());
    CHECK(parse_command_result(
              R"({"new": {"x": [1, {"error": 1}]}, "json values": [null], "error": null, "n": 1})")
              .values.size() == 1);
    CHECK(parse_command_result(R"({"log messages": {"info": ["x"], "note": ["y"]}, "error": null})").note ==
          std::vector<std::string>{"y"});
    const CommandResult failed = parse_command_result(
        R"({"error": {"type": "T", "message": "m", "traceback": ["a", {"type": "x"}], "line": 3}})");
    REQUIRE(failed.error);
    CHECK(failed.error->type == "T");
    CHECK(failed.error->message == "m");
}

TEST_CASE("E24: anything but ChimeraX's answer is an engine error") {
    check_refused("");
    check_refused("UCSF ChimeraX version: 1.1\n"); // the text of `json false`
    check_refused("<html></html>");
    check_refused("null");
    check_refused("[]");
    check_refused("3");
    check_refused("\"text\"");
    check_refused("NaN");
    check_refused("{}");
    check_refused(R"({"other": 1})");
    check_refused(R"({"json values": [null]} trailing)");
    check_refused(R"({"json values": [null])");
    check_refused(R"({"json values": [nul)");
    check_refused("{\"json values\": [\"\xff\"]}");
    check_refused(reply("[null").substr(0, 40));
}

TEST_CASE("E24: values of the wrong type are an engine error") {
    check_refused(reply("[1]"));
    check_refused(reply("[{\"a\": 1}]"));
    check_refused(reply("[[\"1\"]]"));
    check_refused(reply("{\"a\": 1}"));
    check_refused(reply("7"));
    check_refused(reply(R"(["not json"])"));
    check_refused(reply(R"([""])"));
    check_refused(reply("[null]", "[]", "\"text\""));
    check_refused(reply("[null]", "[]", "[]"));
    check_refused(R"({"log messages": []})");
    check_refused(R"({"log messages": {"note": "x"}})");
    check_refused(R"({"log messages": {"note": [1]}})");
    check_refused(R"({"error": {"message": 3}})");
}

TEST_CASE("E24: deep nesting and floods of entries are refused, not survived by luck") {
    check_refused("{\"python values\": " + std::string(1'000'000, '[') + std::string(1'000'000, ']') +
                  ", \"error\": null}");
    const std::string deep = std::string(1000, '[') + std::string(1000, ']');
    check_refused(reply("[\"" + deep + "\"]"));
    std::string flood = "{\"log messages\": {\"note\": [\"\"";
    for (int i = 0; i < 200'000; ++i)
        flood += ",\"\"";
    check_refused(flood + "]}, \"error\": null}");
}

TEST_CASE("a target percent-encodes all that a query could take for its own, and repeats the key") {
    CHECK(run_target({"version"}) == "/run?command=version");
    CHECK(run_target({"open /a b.pdb; x&y=z#1+%", "pwd"}) ==
          "/run?command=open%20%2Fa%20b.pdb%3B%20x%26y%3Dz%231%2B%25&command=pwd");
    CHECK(run_target({"é\r\n"}) == "/run?command=%C3%A9%0D%0A");
    CHECK(run_target({}) == "/run");
}

TEST_CASE("a request that tells ChimeraX to exit is known, however it is written") {
    for (const char* target : {"/run?command=exit", "/run?command=quit", "/run?command=version&command=exit",
                               "/run?command=+exit+", "/run?command=open%201abc%3B%20%65xit",
                               "/run?x=1&command=view;exit%20force"}) {
        INFO(target);
        CHECK(sandbox::chimerax::asks_exit(target));
    }
    for (const char* target :
         {"/run", "/run?", "/cmdline.html", "/run?command=open%20exit.pdb", "/run?command=exits",
          "/run?xcommand=exit", "/run?command=%", "/run?command=;;"}) {
        INFO(target);
        CHECK_FALSE(sandbox::chimerax::asks_exit(target));
    }
}
