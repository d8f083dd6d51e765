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
        CHECK(error.state_may_have_changed());
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

TEST_CASE("anything but ChimeraX's answer is an engine error, and the state may have changed") {
    check_refused("");
    check_refused("UCSF ChimeraX version: 1.1\n"); // the text of `json false`
    check_refused("<html></html>");
    check_refused("null");
    check_refused("[]");
    check_refused("3");
    check_refused("\"text\"");
    check_refused("NaN");
    check_refused("1e400");
    check_refused("\xEF\xBB\xBF");
    check_refused("{}");
    check_refused(R"({"other": 1})");
    check_refused(R"({"json values": [null]} trailing)");
    check_refused(R"({"json values": [null])");
    check_refused(R"({"json values": [nul)");
    check_refused(R"({"json values": ["\ud8)");
    check_refused(R"({"json values": ["\ud800\u)");
    check_refused(R"({"json values": ["\uxyzw"]})");
    check_refused(reply("[null").substr(0, 40));
}

TEST_CASE("a list where ChimeraX has an object, and the other way round, is an engine error") {
    check_refused(reply("{\"a\": 1}"));
    check_refused(reply("7"));
    check_refused(reply("[null]", "[]", "[]"));
    check_refused(R"({"log messages": []})");
    check_refused(R"({"log messages": {"note": "x"}})");
    check_refused(R"({"log messages": {"note": {}}})");
}

TEST_CASE("what is no text where ChimeraX has a text is told as its JSON") {
    CHECK(parse_command_result(reply(R"([1, {"a": [NaN, "\ud800"]}, ["1"], true])")).values ==
          std::vector<std::string>{"1", "{\"a\": [null, \"\xEF\xBF\xBD\"]}", R"(["1"])", "true"});
    CHECK(parse_command_result(R"({"log messages": {"note": [1, null, {"a": "b"}]}})").note ==
          std::vector<std::string>{"1", "null", R"({"a": "b"})"});
    CHECK(parse_command_result(R"({"error": {"message": 3}})").error->message == "3");
    CHECK(parse_command_result(reply("[null]", "[]", "\"text\"")).error->message == "text");
}

TEST_CASE("a value that is no JSON, or that no reader would take, is the string of its text") {
    const auto value = [](const std::string& text) {
        return parse_command_result("{\"json values\": [" + text + "]}").values.at(0);
    };
    CHECK(value(R"("")") == R"("")");
    CHECK(value(R"("not json")") == R"("not json")");
    CHECK(value(R"("[1, 2")") == R"("[1, 2")");
    CHECK(value("\"\xff\"") == "\"\xEF\xBF\xBD\"");
    CHECK(value(R"("1e400")") == R"("1e400")");
    CHECK(value(R"("[-1e400, 1e308, 1e-400]")") == R"(["-1e400", 1e308, 1e-400])");
    const std::string digits(5000, '7');
    CHECK(value("\"{\\\"n\\\": " + digits + "}\"") == "{\"n\": \"" + digits + "\"}");
    CHECK(value("\"12345678901234567890123\"") == "12345678901234567890123");
}

TEST_CASE("a value of a thousand levels comes as JSON, a deeper one as its text, and the log with both") {
    const auto nested = [](std::size_t levels) {
        return std::string(levels, '[') + std::string(levels, ']');
    };
    for (const std::size_t levels : {std::size_t{1000}, std::size_t{1001}, std::size_t{200'000}}) {
        INFO(levels);
        const CommandResult result = parse_command_result(reply("[\"" + nested(levels) + "\", \"1\"]"));
        CHECK(result.note == std::vector<std::string>{"n\n"});
        REQUIRE(result.values.size() == 2);
        const bool is_json = levels <= 1000;
        CHECK(result.values[0] == (is_json ? nested(levels) : '"' + nested(levels) + '"'));
        CHECK(result.values[1] == "1");
    }
    CHECK(parse_command_result(reply("[null]", nested(1'000'000))).ok());
}

TEST_CASE("half a surrogate pair becomes U+FFFD wherever a text stands, a whole one its character") {
    const CommandResult result = parse_command_result(
        R"({"json values": ["{\"\\udce9\": \"\\ud83d\\ude00\\ud83d!\", \"k\": \"\udce9\"}"],
            "log messages": {"note": ["caf\udce9.pdb", "\ud83d\ude00", "\ud83d\ud83d\ude00", "\ud83d\n", "\\udce9"],
            "\ud800": []}, "error": {"type": "\udfff", "message": "\ud800x"}, "\udce9": ["\udce9"]})");
    CHECK(result.values ==
          std::vector<std::string>{
              "{\"\xEF\xBF\xBD\": \"\\ud83d\\ude00\xEF\xBF\xBD!\", \"k\": \"\xEF\xBF\xBD\"}"});
    CHECK(result.note ==
          std::vector<std::string>{"caf\xEF\xBF\xBD.pdb", "😀", "\xEF\xBF\xBD😀", "\xEF\xBF\xBD\n", "\\udce9"});
    REQUIRE(result.error);
    CHECK(result.error->type == "\xEF\xBF\xBD");
    CHECK(result.error->message == "\xEF\xBF\xBDx");
}

TEST_CASE("a byte order mark, a NUL in a text, and bytes that are no UTF-8 cost no answer") {
    CHECK(parse_command_result("\xEF\xBB\xBF" + reply("[null]")).ok());
    CHECK(parse_command_result(R"({"log messages": {"note": ["a\u0000b"]}})").note.at(0) ==
          std::string("a\0b", 3));
    CHECK(parse_command_result("{\"log messages\": {\"note\": [\"a\xE9z\", \"\xED\xA0\x80\", \"\xC0\x80\"]}}")
              .note == std::vector<std::string>{"a\xEF\xBF\xBDz", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD",
                                                "\xEF\xBF\xBD\xEF\xBF\xBD"});
}

TEST_CASE("of a key that comes twice the last counts") {
    const CommandResult result = parse_command_result(
        R"({"json values": ["1"], "error": {"type": "T", "message": "m"}, "json values": ["2"],
            "log messages": {"note": ["a"], "note": ["b"]}, "error": null})");
    CHECK(result.values == std::vector<std::string>{"2"});
    CHECK(result.note == std::vector<std::string>{"b"});
    CHECK_FALSE(result.error);
}

TEST_CASE("a flood of messages is cut, and a warning says so") {
    std::string flood = R"({"json values": ["1"], "log messages": {"note": ["")";
    for (int i = 0; i < 200'000; ++i)
        flood += ",\"\"";
    const CommandResult result = parse_command_result(flood + "]}, \"error\": null}");
    CHECK(result.values == std::vector<std::string>{"1"});
    CHECK(result.note.size() == sandbox::chimerax::kMaxEntries - 1);
    REQUIRE(result.warning.size() == 1);
    CHECK(result.warning[0].starts_with("100002 more"));
    CHECK(parse_command_result(reply("[\"1\", \"2\"]"), 1).values.size() == 1);
}

TEST_CASE("a failure for want of a network has a hint, whatever the release words it; another has none") {
    const auto failed = [](const std::string& message) {
        CommandResult result;
        result.error = {"UserError", message};
        return result;
    };
    for (const char* message :
         {"Fetching url http://files.rcsb.org/download/1abc.cif failed:\n<urlopen error "
          "[Errno -2] Name or service not known>",
          "<urlopen error [Errno -3] Temporary failure in name resolution>",
          "[Errno 101] Network is unreachable", "socket.gaierror: [Errno -5]"})
        CHECK(sandbox::chimerax::hint_of(failed(message)).find("sandboxctl cp") != std::string::npos);
    CommandResult logged;
    logged.bug = {"Traceback…\nurllib.error.URLError: <urlopen error timed out>\n"};
    CHECK_FALSE(sandbox::chimerax::hint_of(logged).empty());
    CHECK(sandbox::chimerax::hint_of(failed("No such file/path: nosuch")).empty());
    CHECK(sandbox::chimerax::hint_of({}).empty());
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
